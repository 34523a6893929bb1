# SPDX-License-Identifier: MIT
"""litmus - check lock-free handshakes of the compiled kernel under RISC-V's memory model with herd7."""
