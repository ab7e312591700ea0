package manifest

import (
	"crypto/sha256"

	"kpkg-btf/internal/model"
	"kpkg-btf/internal/tri"
)

func sum(s string) [32]byte { return sha256.Sum256([]byte(s)) }

// sample is a small release with every field in use, and its lists out of
// order.
func sample() *Manifest {
	key := &Signer{KeyID: "3a7b", Hash: "sha256", Algorithm: "rsa"}
	other := &Signer{KeyID: "00ff", Hash: "sha512", Algorithm: "ecdsa"}
	const magic = "6.1.0-55-amd64 SMP preempt mod_unload modversions "
	return &Manifest{
		Tool: "kpkg-btf 0.1.0",
		Packages: []Package{
			{Name: "linux-image-6.1.0-55-amd64", Version: "6.1.192-1", Arch: "amd64", Kind: "deb", Gives: []string{"modules", "image", "image"}},
			{Name: "linux-headers-6.1.0-55-amd64", Version: "6.1.192-1", Arch: "amd64", Kind: "deb", Gives: []string{"symvers"}},
			{Kind: "dir", Gives: []string{"config"}}, {Kind: "dir", Gives: []string{"builtin", "config"}},
		},
		Release: "6.1.0-55-amd64", Arch: model.X8664, Scope: Full,
		Image: &Image{Format: []string{"bzImage", "xz", "ELF"}, Banner: "Linux version 6.1.0-55-amd64 (\"gcc\\12\")\n"},
		Base:  &Base{SHA256: sum("base"), Size: 4812345, Types: 100800, StrLen: 1794321, HdrLen: 24, Where: "section .BTF"},
		Abilities: []Ability{
			{Name: "module_btf", Is: tri.Yes, Evidence: "FUNC btf_parse_module"},
			{Name: "max_kind", Is: tri.Yes, Value: 19, Evidence: "enum BTF_KIND_MAX"},
			{Name: "distilled", Is: tri.No, Evidence: "no FUNC btf_relocate"},
		},
		Config: []Option{{Name: "CONFIG_MODVERSIONS", Value: "y"}, {Name: "CONFIG_BUILD_SALT", Value: `"6.1.0-55-amd64"`}, {Name: "CONFIG_DEBUG_INFO_BTF", Value: "n"}},
		Certs:  []Cert{{DER: []byte("cert\xff"), SHA256: sum("cert\xff"), Subject: "CN=Debian \x1b[31m\u202eÄ", KeyID: "3a7b", Serial: "01"}},
		Exports: &Exports{Source: "Module.symvers", Symbols: []Symbol{
			{Name: "usb_stor_probe", Owner: "drivers/usb/storage/usb-storage", Export: ExportGPL, CRC: 4294967295, Namespace: "USB_STORAGE"},
			{Name: "kmalloc", Owner: "vmlinux", Export: ExportAny, CRC: 19088743},
			{Name: "bhb_loop", Owner: "vmlinux", Export: ExportGPL, Namespace: "module:kvm,kvm-amd"},
			{Name: "latin\xe9", Owner: "vmlinux", Export: ExportUnknown},
		}},
		BuiltIn: []string{"kernel/lib/crc32.ko", "kernel/fs/ext4/ext4.ko"},
		Modules: []Module{
			{Path: "kernel/net/llc/llc.ko", Name: "llc", SHA256: sum("llc"), Size: 30000,
				BTF:      BTF{Kind: BTFSplit, SHA256: sum("llc btf"), Size: 1200, Repeated: 300},
				Vermagic: magic, Intree: true, Srcversion: "ABCDEF", Signer: key},
			{Path: "kernel/net/802/stp.ko", Name: "stp", SHA256: sum("stp"), Size: 20000,
				BTF:      BTF{Kind: BTFDistilled, SHA256: sum("stp btf"), Size: 1100, BaseSHA256: sum("stp base"), BaseSize: 400},
				IDs:      &IDs{SHA256: sum("ids"), Sets: 1, Words: 3, Located: true},
				Vermagic: magic, Intree: true, Depends: []string{"llc", "bridge", "llc"},
				Registers: []string{"register_btf_kfunc_id_set", "__register_bpf_struct_ops"}, Signer: key, Stamp: []byte{0xff, 0, 1}},
			{Path: "extra/old\xff.ko", Name: "old", SHA256: sum("old"), Size: 1, BTF: BTF{Kind: BTFNone},
				Vermagic: "6.1.0-54-amd64 SMP ", Signer: other},
			{Path: "extra/bare.ko", Name: "bare", SHA256: sum("bare"), Size: 1, BTF: BTF{Kind: BTFNone}},
		},
	}
}
