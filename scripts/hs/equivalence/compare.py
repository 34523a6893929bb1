# SPDX-License-Identifier: MIT
"""compare.py - find the programs whose outcomes differ, also those that end a machine or hang it.

A machine that ends early leaves the outcomes of all later programs unknown, so these run again in a new boot. An error
of the machines themselves, such as a time limit that is too short, is raised as a LaunchError: it says nothing about
the programs.
"""
from hs.errors import STATUS_TIMEOUT, LaunchError

from .systems import BARE, GUEST, SYSTEMS

HANG = 5  # a guest counts as hanging if it runs this many times as long as the bare machine


def check_features(results):
    features = [results[name].features() for name in SYSTEMS]
    if features[0] != features[1]:
        raise LaunchError("the processors differ, so the programs do: bare has %s, the guest has %s" %
                          tuple(" ".join(names) for names in features))


def named(first, count):
    """Return a text that names these programs."""
    return "program %d" % first if count == 1 else "programs %d to %d" % (first, first + count - 1)


def too_slow(name, found):
    return LaunchError("%s: %s; allow more with --timeout" % (name, found.error), STATUS_TIMEOUT)


def hangs(systems, first, count):
    """Return whether the guest hangs in these programs. Raise an error if it only needs more time."""
    results = systems.both(first=first, count=count, batch=count)
    for name in SYSTEMS:
        if results[name].timed_out and (name == BARE or systems.options.timeout < HANG * results[BARE].seconds):
            raise too_slow(name, results[name])
    if not results[GUEST].timed_out:
        raise LaunchError("guest: %s did not end within %d seconds together with others; allow more with --timeout"
                          % (named(first, count), systems.options.timeout), STATUS_TIMEOUT)
    return True


def _ended(systems, results, first, count):
    """Return whether the outcomes differ, and an error message, for programs in which at least one machine ended."""
    key = first, count
    missing = [name for name in SYSTEMS if key not in results[name].digests()]
    for name in missing:
        if results[name].timed_out:
            if name == BARE or len(missing) > 1:
                raise too_slow(name, results[name])
            hangs(systems, first, count)
    texts = ["%s, %s: %s" % (name, named(first, count), results[name].error or "the output lacks the digest") for name in missing]
    return len(missing) == 1, "; ".join(texts)


def differing(systems, first, count, batch, on_boot=None, on_error=None):
    """Yield the batches of programs whose outcomes differ, as (first, count).

    Calls on_boot(results) after each boot, and on_error(((first, count), text)) if a machine ended early."""
    end = first + count
    while first < end:
        results = systems.both(first=first, count=end - first, batch=batch)
        check_features(results)
        if on_boot:
            on_boot(results)
        digests = [results[name].digests() for name in SYSTEMS]
        while first < end:
            key = first, min(batch, end - first)
            first += key[1]
            outcomes = [known.get(key) for known in digests]
            if None in outcomes:
                differs, text = _ended(systems, results, *key)
                if on_error:
                    on_error((key, text))
                if differs:
                    yield key
                break
            if outcomes[0] != outcomes[1]:
                yield key
