package rpmhdr

// Tags of the general header (rpm 4.18 lib/rpmtag.h; RPMFormat is of rpm 6).
const (
	Name              Tag = 1000
	Version           Tag = 1001
	Release           Tag = 1002
	Epoch             Tag = 1003
	Size              Tag = 1009
	Arch              Tag = 1022
	OldFilenames      Tag = 1027
	FileSizes         Tag = 1028
	FileModes         Tag = 1030
	FileMtimes        Tag = 1034
	FileDigests       Tag = 1035
	FileLinktos       Tag = 1036
	FileFlags         Tag = 1037
	FileUserName      Tag = 1039
	FileGroupName     Tag = 1040
	SourceRpm         Tag = 1044
	ArchiveSize       Tag = 1046 // before rpm 4; now in the signature header
	ProvideName       Tag = 1047
	FileDevices       Tag = 1095
	FileInodes        Tag = 1096
	SourcePackage     Tag = 1106
	ProvideFlags      Tag = 1112
	ProvideVersion    Tag = 1113
	DirIndexes        Tag = 1116
	BaseNames         Tag = 1117
	DirNames          Tag = 1118
	PayloadFormat     Tag = 1124
	PayloadCompressor Tag = 1125
	PayloadFlags      Tag = 1126
	LongFileSizes     Tag = 5008
	LongSize          Tag = 5009
	FileDigestAlgo    Tag = 5011
	Encoding          Tag = 5062
	OldFileSignatures Tag = 5090 // IMA, rpm 4.13
	PayloadDigest     Tag = 5092
	PayloadDigestAlgo Tag = 5093
	PayloadDigestAlt  Tag = 5097
	RPMFormat         Tag = 5114
)

// Tags of the signature header.
const (
	SigDSA             Tag = 267 // OpenPGP over the header, by DSA, ECDSA or EdDSA
	SigRSA             Tag = 268 // the same by RSA
	SigSHA1            Tag = 269
	SigLongSize        Tag = 270
	SigLongArchiveSize Tag = 271
	SigSHA256          Tag = 273
	FileSignatures     Tag = 274 // IMA
	FileSignatureLen   Tag = 275
	VeritySignatures   Tag = 276 // fs-verity
	VeritySigAlgo      Tag = 277
	SigOpenPGP         Tag = 278 // rpm 4.20 and 6
	SigSize            Tag = 1000
	SigPGP             Tag = 1002 // OpenPGP over header and payload, by RSA
	SigMD5             Tag = 1004
	SigGPG             Tag = 1005 // the same by DSA
	SigPGP5            Tag = 1006
	SigPayloadSize     Tag = 1007
)

// FlagGhost marks a file that is in the header but not in the payload
// (RPMFILE_GHOST, lib/rpmfiles.h).
const FlagGhost = 1 << 6

// AlgoSHA256 is the digest algorithm by its OpenPGP number (RFC 9580, 9.5).
const AlgoSHA256 = 8
