# SPDX-License-Identifier: MIT
"""claim.py - parse and evaluate claims about rows, such as `linux.hypercall > 2 * hyperscope.hypercall`.

A claim consists of comparisons, combined with `and`, `or` and `not`. Comparisons may contain + - * /, min(), max()
and abs(). A name is a row, and SYSTEM.ROW is a row of one system. A claim that contains rows without a system is
evaluated for each hypervisor on which all of those rows are measured.
"""
import ast
import operator
import warnings
from typing import NamedTuple

from hs.bench.systems import KNOWN

_OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
              ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
              ast.Eq: operator.eq, ast.NotEq: operator.ne}
_CALLS: dict = {"min": (min, 2, 99), "max": (max, 2, 99), "abs": (abs, 1, 1)}  # how many arguments
LONGEST, DEEPEST = 1000, 100  # characters, and levels of nesting: deeper trees could overflow the stack


class ClaimError(ValueError):
    """An error in a claim."""


class Look(NamedTuple):
    text: str
    holds: bool     # the expected result
    tree: ast.AST
    rows: tuple     # (system or "", row) for each row that the claim names


def _names(node, found, depth=0):
    """Append the rows that a claim names to FOUND, and return FOUND. Raise ClaimError if NODE is not valid in a claim."""
    if depth > DEEPEST:
        raise ClaimError("the expression is nested too deeply")
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        found.append((node.value.id, node.attr))
    elif isinstance(node, ast.Name):
        found.append(("", node.id))
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _CALLS and not node.keywords:
        if not _CALLS[node.func.id][1] <= len(node.args) <= _CALLS[node.func.id][2]:
            raise ClaimError("%s() cannot have %d arguments" % (node.func.id, len(node.args)))
        for each in node.args:
            _names(each, found, depth + 1)
    elif isinstance(node, ast.Constant) and type(node.value) in (int, float) and abs(node.value) < 1e18:
        pass
    elif isinstance(node, (ast.Expression, ast.Compare, ast.BoolOp, ast.BinOp, ast.UnaryOp)):
        for part in ast.iter_child_nodes(node):
            if not isinstance(part, (ast.cmpop, ast.boolop, ast.operator, ast.unaryop)):
                _names(part, found, depth + 1)
            elif type(part) not in _OPERATORS and not isinstance(part, (ast.And, ast.Or, ast.Not, ast.USub)):
                raise ClaimError("operator '%s' is not allowed" % type(part).__name__)
    else:
        raise ClaimError("'%s' is not allowed: use rows, numbers, comparisons, and, or, not, min, max, abs" % _source_of(node))
    return found


def _source_of(node):
    """Return the source text of a node, or only its type if the node is nested too deeply."""
    try:
        return ast.unparse(node)
    except RecursionError:
        return type(node).__name__


def _compares(node):
    """Return whether an expression is a comparison or a combination of comparisons. A number alone is not a claim."""
    if isinstance(node, ast.BoolOp):
        return all(_compares(each) for each in node.values)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return _compares(node.operand)
    return isinstance(node, ast.Compare) and not any(
        isinstance(each, (ast.Compare, ast.BoolOp, ast.Not)) for side in [node.left] + node.comparators for each in ast.walk(side))


def read(text, holds, rows):
    """Parse a claim and return a Look. rows: the paper's rows, {name: folder.Row}."""
    if len(text) > LONGEST:
        raise ClaimError("`%s...` has %d characters; %d are allowed" % (text[:20], len(text), LONGEST))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python's warnings about doubtful syntax
            tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ClaimError("`%s` is not an expression" % text) from None
    found = _names(tree, [])
    if not _compares(tree.body):
        raise ClaimError("`%s` compares nothing, or compares something that is not a number" % text)
    for system, row in found:
        if system and system not in KNOWN:
            raise ClaimError("`%s`: there is no system '%s'; known systems: %s" % (text, system, ", ".join(KNOWN)))
        if row not in rows:
            raise ClaimError("`%s`: the table has no row '%s'" % (text, row))
        if not rows[row].measured:
            raise ClaimError("`%s`: row '%s' is not measured here" % (text, row))
        if system and system not in rows[row].measured:
            raise ClaimError("`%s`: row '%s' is not measured on %s" % (text, row, system))
    if not found:
        raise ClaimError("`%s` does not name a row" % text)
    return Look(text, holds, tree, tuple(dict.fromkeys(found)))


def value(look, figures, system=""):
    """Return whether the claim holds, or None if a row was not measured, or on a division by zero or an overflow.
    figures: (system, row) -> number or None."""
    def of(node):
        if isinstance(node, ast.Expression):
            return of(node.body)
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, ast.Name):
            return figures[system, node.id]
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            return figures[node.value.id, node.attr]
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            return _CALLS[node.func.id][0](*[of(each) for each in node.args])
        if isinstance(node, ast.BinOp):
            return _OPERATORS[type(node.op)](of(node.left), of(node.right))
        if isinstance(node, ast.UnaryOp):
            return not of(node.operand) if isinstance(node.op, ast.Not) else -of(node.operand)
        if isinstance(node, ast.BoolOp):
            return (all if isinstance(node.op, ast.And) else any)(of(each) for each in node.values)
        values = [of(each) for each in [node.left] + node.comparators]
        return all(_OPERATORS[type(op)](*pair) for op, pair in zip(node.ops, zip(values, values[1:])))

    if any(figures.get((its or system, row)) is None for its, row in look.rows):
        return None
    try:
        return bool(of(look.tree))
    except (ZeroDivisionError, OverflowError):
        return None
