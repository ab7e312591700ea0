package elfx

// The numbers of the gABI that this program needs.
const (
	TypeRel  = 1 // ET_REL: a kernel module
	TypeExec = 2 // ET_EXEC
	TypeDyn  = 3 // ET_DYN

	SHTNull        = 0
	SHTProgbits    = 1
	SHTSymtab      = 2
	SHTStrtab      = 3
	SHTRela        = 4
	SHTNote        = 7
	SHTNobits      = 8
	SHTRel         = 9
	SHTGroup       = 17
	SHTSymtabShndx = 18

	SHFWrite      = 0x1
	SHFAlloc      = 0x2
	SHFExecinstr  = 0x4
	SHFInfoLink   = 0x40
	SHFGroup      = 0x200
	SHFCompressed = 0x800

	SHNUndef  = 0
	SHNAbs    = 0xfff1
	SHNCommon = 0xfff2
	SHNXindex = 0xffff
	shnLow    = 0xff00 // SHN_LORESERVE

	STBLocal  = 0
	STBGlobal = 1
	STBWeak   = 2

	STTNotype  = 0
	STTObject  = 1
	STTFunc    = 2
	STTSection = 3
	STTFile    = 4

	PTLoad = 1

	pnXnum = 0xffff // PN_XNUM

	machineMIPS    = 8
	machineSPARCV9 = 43
)
