# SPDX-License-Identifier: MIT
"""Write the figures, drawings and screenshots of the docs, and check the names in the course's pages."""
