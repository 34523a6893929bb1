# SPDX-License-Identifier: MIT
"""fields - table of the CSRs' fields; their paragraphs are in src/include/hv/csr.def.

Each block begins with the names of its registers. Then there is a line for each field: bits, name,
meaning. The text after "=" names the field's values. The fields of hedeleg are not in the table:
they are the exceptions of src/include/hv/cause.def that a guest can handle itself.
"""

FIELDS = """
hstatus
  5      VSBE   VS accesses memory big-endian
  6      GVA    stval has a guest virtual address
  7      SPV    the trap came from V=1; sret goes there
  8      SPVP   the privilege of HLV and HSV, and of the guest that trapped =0:VU 1:VS
  9      HU     U mode may use HLV and HSV
  17:12  VGEIN  which guest external interrupt file is the guest's
  20     VTVM   sfence.vma and vsatp of VS trap
  21     VTW    wfi of VS traps
  22     VTSR   sret of VS traps
  33:32  VSXL   XLEN of VS =1:32 2:64

sstatus vsstatus
  1      SIE    interrupts are on
  5      SPIE   SIE before the trap
  6      UBE    U accesses memory big-endian
  8      SPP    the trap came from, sret goes to =0:U 1:S
  10:9   VS     the vector unit =0:Off 1:Initial 2:Clean 3:Dirty
  14:13  FS     the floating-point unit =0:Off 1:Initial 2:Clean 3:Dirty
  16:15  XS     other units =0:Off 1:Initial 2:Clean 3:Dirty
  18     SUM    S may access pages of U
  19     MXR    loads may read executable pages
  33:32  UXL    XLEN of U =1:32 2:64
  63     SD     some unit is Dirty

satp vsatp
  63:60  MODE   =0:Bare 8:Sv39 9:Sv48 10:Sv57
  59:44  ASID   address space
  43:0   PPN    the root table's page

hgatp
  63:60  MODE   =0:Bare 8:Sv39x4 9:Sv48x4 10:Sv57x4
  57:44  VMID   virtual machine
  43:0   PPN    the root table's page

scause vscause
  63     Interrupt =0:exception 1:interrupt
  62:0   Code   the cause (src/include/hv/cause.def)

hideleg hvip hip hie
  2      VSSI   VS software interrupt
  6      VSTI   VS timer interrupt
  10     VSEI   VS external interrupt
  12     SGEI   guest external interrupt, for HS
  13     LCOFI  a counter has overflowed

sip sie vsip vsie
  1      SSI    software interrupt
  5      STI    timer interrupt
  9      SEI    external interrupt
  13     LCOFI  a counter has overflowed

henvcfg senvcfg
  0      FIOM   fence of I/O orders memory, too
  5:4    CBIE   cbo.inval =0:traps 1:flushes 3:invalidates
  6      CBCFE  cbo.clean and cbo.flush are allowed
  7      CBZE   cbo.zero is allowed
  33:32  PMM    pointer masking =0:off 2:7_bits 3:16_bits
  61     ADUE   hardware sets A and D in VS-stage tables
  62     PBMTE  page-based memory types
  63     STCE   stimecmp is the guest's

hcounteren scounteren
  0      CY     cycle may be read
  1      TM     time may be read
  2      IR     instret may be read
  31:3   HPM    hpmcounter3 to 31 may be read

stvec vstvec
  1:0    MODE   =0:Direct 1:Vectored
  63:2   BASE   the handler's address / 4

htval
  63:0   GPA    the guest physical address / 4

hstateen0
  58     IMSIC    stopei is the guest's
  59     AIA      stopi is the guest's
  60     CSRIND   siselect and sireg are the guest's
  62     ENVCFG   senvcfg is the guest's
  63     STATEEN  sstateen0 is the guest's
"""

# Bits of hedeleg that are always 0 (H §2.2): ecalls from HS, VS and M mode, guest page faults, virtual instructions.
NEVER_DELEGATED = (9, 10, 11, 20, 21, 22, 23)
