package pe

import "fmt"

// Machine is the processor that an executable is for, in the numbers of the COFF
// header ("PE Format", Machine Types). NE files, which have no such field, get
// [MachineX86NE].
type Machine uint32

// The machines that have a name.
const (
	MachineUnknown   Machine = 0x0000
	MachineI386      Machine = 0x014c
	MachineR3000     Machine = 0x0162
	MachineR4000     Machine = 0x0166
	MachineR10000    Machine = 0x0168
	MachineWCEMIPSV2 Machine = 0x0169
	MachineAlpha     Machine = 0x0184
	MachineSH3       Machine = 0x01a2
	MachineSH3DSP    Machine = 0x01a3
	MachineSH4       Machine = 0x01a6
	MachineSH5       Machine = 0x01a8
	MachineARM       Machine = 0x01c0
	MachineThumb     Machine = 0x01c2
	MachineARMNT     Machine = 0x01c4
	MachineAM33      Machine = 0x01d3
	MachinePowerPC   Machine = 0x01f0
	MachinePowerPCFP Machine = 0x01f1
	MachineIA64      Machine = 0x0200
	MachineMIPS16    Machine = 0x0266
	MachineAlpha64   Machine = 0x0284
	MachineMIPSFPU   Machine = 0x0366
	MachineMIPSFPU16 Machine = 0x0466
	MachineEBC       Machine = 0x0ebc
	MachineRISCV32   Machine = 0x5032
	MachineRISCV64   Machine = 0x5064
	MachineRISCV128  Machine = 0x5128
	MachineLoong32   Machine = 0x6232
	MachineLoong64   Machine = 0x6264
	MachineAMD64     Machine = 0x8664
	MachineM32R      Machine = 0x9041
	MachineARM64EC   Machine = 0xa641
	MachineARM64X    Machine = 0xa64e
	MachineARM64     Machine = 0xaa64

	// MachineX86NE stands for the 16-bit code of an NE file; it lies outside the
	// 16 bits of the COFF field.
	MachineX86NE Machine = 0x10000
)

var machineNames = map[Machine]string{
	MachineUnknown:   "unknown",
	MachineI386:      "x86",
	MachineR3000:     "mips",
	MachineR4000:     "mips",
	MachineR10000:    "mips",
	MachineWCEMIPSV2: "mips",
	MachineAlpha:     "alpha",
	MachineSH3:       "sh3",
	MachineSH3DSP:    "sh3",
	MachineSH4:       "sh4",
	MachineSH5:       "sh5",
	MachineARM:       "arm",
	MachineThumb:     "arm",
	MachineARMNT:     "arm",
	MachineAM33:      "am33",
	MachinePowerPC:   "ppc",
	MachinePowerPCFP: "ppc",
	MachineIA64:      "ia64",
	MachineMIPS16:    "mips",
	MachineAlpha64:   "alpha64",
	MachineMIPSFPU:   "mips",
	MachineMIPSFPU16: "mips",
	MachineEBC:       "ebc",
	MachineRISCV32:   "riscv32",
	MachineRISCV64:   "riscv64",
	MachineRISCV128:  "riscv128",
	MachineLoong32:   "loongarch32",
	MachineLoong64:   "loongarch64",
	MachineAMD64:     "x64",
	MachineM32R:      "m32r",
	MachineARM64EC:   "arm64",
	MachineARM64X:    "arm64",
	MachineARM64:     "arm64",
	MachineX86NE:     "x86-16",
}

// String returns the name that KB articles use, in lower case and without
// hyphen ("x86", "x64", "ia64"), or the number for a machine without a name.
func (m Machine) String() string {
	if s, ok := machineNames[m]; ok {
		return s
	}
	return fmt.Sprintf("0x%04x", uint32(m))
}
