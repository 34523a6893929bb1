# SPDX-License-Identifier: MIT
"""The modules of scripts/hyperscope sweep: jobs for a table of parameters, engines that run them, results (docs/sweep.md)."""
