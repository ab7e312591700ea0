// Package releasetest builds small kernel releases for tests: an image, its
// modules, config and Module.symvers, as a tree or as a .deb. The same
// description returns the same bytes in every run, but for the signing keys'
// own signatures.
package releasetest

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/btftest"
	"kpkg-btf/internal/btf/stamp"
	"kpkg-btf/internal/elfx/elftest"
	"kpkg-btf/internal/kmod"
	"kpkg-btf/internal/kmod/kmodtest"
	"kpkg-btf/internal/modsig/modsigtest"
)

// Kernel describes a release. The zero value with a Release is a coherent
// x86-64 kernel with signed modules.
type Kernel struct {
	Release string
	// Image is the variant of the base in the image, Build that the modules
	// were encoded against.
	Image, Build btftest.Variant
	// Key names the signing key whose certificate the image carries, ModuleKey
	// the one that signed the modules ("": the same; "none": unsigned).
	Key, ModuleKey string
	// Modules are the names of the modules; nil is alpha, beta and gamma. In a
	// name, a suffix says what is special: ":lost" has no BTF, ":external" is
	// not in-tree, ":ids" registers kfuncs, ":list" has a plain list of ids,
	// ":unresolved", ":miscount" and ":zerolist" are ":ids" and ":list" as no
	// resolve_btfids leaves them, ":embed" holds a struct net by value,
	// ":idsbare" is ":ids" without BTF,
	// ":flags", ":flagsmoved", ":flagsother" and ":flagsbad" register two kfuncs: one
	// sleepable, the other one sleepable, none, one with flags against its prototype,
	// ":apart" has nothing to do with struct net;
	// ":stripped" is marked as such, ":oldids" too but holds an id of its base, ":emptied" has an empty .BTF, ":neutralized" one with the mark of it,
	// ":behind" a .BTF of type NOBITS with its bytes behind it, ":stamped"
	// (by the encoder), ":asserted", ":void" (over another BTF) and ":unstamped"
	// (a stamp that cannot be read) have BTF and a stamp.
	// ":magic", ":typelen" and ":junkfirst" have BTF that no kernel can read: a
	// foreign magic, an absurd length of types, junk in the first of two .BTF.
	// ":extra" lies in extra/ and is not in-tree, has BTF and needs alpha_open,
	// ":imports=NAME" needs a further symbol, ":stale" was changed after signing.
	Modules []string
	// CRC is the checksum of the exported symbol alpha_open.
	CRC uint32
	// Exports are further symbols that the image exports.
	Exports []string
	// Options of vermagic, "" for the usual ones; ModuleOptions of the modules'.
	Options, ModuleOptions string
	// NoBTF leaves BTF out of image and modules and says so in the config.
	NoBTF bool
	// NoBase leaves the base out of the image alone, which lost it.
	NoBase bool
	// Distilled is a kernel that honours .BTF.base (6.11+).
	Distilled bool
	NoConfig  bool
	// Strict does not allow a BTF mismatch; KfuncFatal fails the init of a
	// module that registers kfuncs without BTF (as 6.1.0 to 6.1.38).
	Strict, KfuncFatal bool
	// HeadersBTF puts a vmlinux of nothing but the base, and the config, among the
	// headers, as Debian's have it.
	HeadersBTF bool
	// Unversioned is a kernel without CONFIG_MODVERSIONS.
	Unversioned bool
	// Compiler is what the config says of it; "" leaves it out.
	Compiler string
	// Machine is the ELF machine of image and modules; 0 means x86-64.
	Machine uint16
}

// Files are the files of the release by path.
func (k Kernel) Files() map[string][]byte {
	files := map[string][]byte{
		"boot/vmlinuz-" + k.Release:                              k.Vmlinux(),
		"usr/src/linux-headers-" + k.Release + "/Module.symvers": []byte(k.Symvers()),
		"usr/lib/modules/" + k.Release + "/modules.builtin":      []byte("kernel/fs/builtin_fs.ko\n"),
	}
	if k.HeadersBTF {
		base := elftest.Section{Name: ".BTF", Flags: 2, Align: 4, Data: btftest.Kernel(k.Image).Bytes()}
		files["usr/src/linux-headers-"+k.Release+"/.config"] = []byte(k.Config())
		files["usr/src/linux-headers-"+k.Release+"/vmlinux"] = elftest.File{Type: 2, Machine: k.Machine, Sections: []elftest.Section{base}}.Bytes()
	}
	if !k.NoConfig {
		files["boot/config-"+k.Release] = []byte(k.Config())
	}
	for _, m := range k.modules() {
		name, special, _ := strings.Cut(m, ":")
		folder := "kernel/drivers/"
		if special == "extra" {
			folder = "extra/"
		}
		files["usr/lib/modules/"+k.Release+"/"+folder+name+".ko"] = k.Module(m)
	}
	return files
}

func (k Kernel) modules() []string {
	if k.Modules == nil {
		return []string{"alpha", "beta", "gamma"}
	}
	return k.Modules
}

// Config is the text of the config file.
func (k Kernel) Config() string {
	head := "#\n# Automatically generated file; DO NOT EDIT.\n# Linux/x86 " + k.Release + " Kernel Configuration\n#\n"
	if k.NoBTF {
		return head + "CONFIG_MODULES=y\nCONFIG_MODVERSIONS=y\nCONFIG_MODULE_SIG=y\n# CONFIG_DEBUG_INFO_BTF is not set\n"
	}
	text := head + "CONFIG_MODULES=y\nCONFIG_MODVERSIONS=y\nCONFIG_MODULE_SIG=y\nCONFIG_DEBUG_INFO_BTF=y\nCONFIG_DEBUG_INFO_BTF_MODULES=y\n"
	if !k.Strict {
		text += "CONFIG_MODULE_ALLOW_BTF_MISMATCH=y\n"
	}
	if k.Unversioned {
		text = strings.Replace(text, "CONFIG_MODVERSIONS=y", "# CONFIG_MODVERSIONS is not set", 1)
	}
	if k.Compiler != "" {
		text += "CONFIG_CC_VERSION_TEXT=\"" + k.Compiler + "\"\nCONFIG_BUILD_SALT=\"" + k.Release + "\"\n"
	}
	return text
}

const defaultCRC = 0x1234abcd

// Symvers is the text of Module.symvers.
func (k Kernel) Symvers() string {
	crc := cmp.Or(k.CRC, defaultCRC)
	text := fmt.Sprintf("0x0a0b0c0d\tprintk\tvmlinux\tEXPORT_SYMBOL\t\n0x%08x\talpha_open\tdrivers/alpha\tEXPORT_SYMBOL_GPL\t\n", crc)
	for _, name := range k.Exports {
		text += "0x0d0d0d0d\t" + name + "\tvmlinux\tEXPORT_SYMBOL\t\n"
	}
	for _, m := range k.modules() {
		if _, special, _ := strings.Cut(m, ":"); special == "ids" || special == "idsbare" || flagged[special] != nil {
			text += "0x0e0e0e0e\tregister_btf_kfunc_id_set\tvmlinux\tEXPORT_SYMBOL_GPL\t\n"
			break
		}
	}
	if k.Unversioned {
		text = anyCRC.ReplaceAllString(text, "0x00000000\t")
	}
	return text
}

var anyCRC = regexp.MustCompile(`(?m)^0x[0-9a-f]{8}\t`)

// texts are literals of a kernel that tell what it does (docs/kernel-rules.md, "Abilities").
func (k Kernel) texts() string {
	level := "4"
	if k.KfuncFatal {
		level = "3"
	}
	t := "Linux version " + k.Release + " (builder@host) (gcc) #1 SMP\n\x00" + k.vermagic(k.Options) + "\x00" +
		"Type tags don't precede modifiers\x00Max chain length or cycle detected\x00" +
		"\x01" + level + "missing module BTF, cannot register kfuncs\n\x00\x013missing module BTF, cannot register dtor kfuncs\n\x00" +
		"module verification failed: signature and/or required key missing\x00"
	if !k.NoBTF {
		t += "failed to validate module [%s] BTF: %ld\n\x00"
	}
	if k.Distilled {
		t += "distilled base BTF type '%s' [%u] is not mapped to base BTF id\n\x00"
	}
	return t
}

func (k Kernel) vermagic(options string) string {
	usual := "SMP preempt mod_unload modversions "
	if k.Unversioned {
		usual = "SMP preempt mod_unload "
	}
	return k.Release + " " + cmp.Or(options, usual)
}

func (k Kernel) key() string {
	if k.Key == "" {
		return "Build time autogenerated kernel key"
	}
	return k.Key
}

// Vmlinux is the image: a plain ELF vmlinux.
func (k Kernel) Vmlinux() []byte {
	const alloc = 2 // SHF_ALLOC
	sections := []elftest.Section{{Name: ".rodata", Flags: alloc, Align: 8,
		Data: append([]byte(k.texts()), modsigtest.NewKey(k.key()).Cert...)}}
	if !k.NoBTF && !k.NoBase {
		sections = append(sections, elftest.Section{Name: ".BTF", Flags: alloc, Align: 4, Data: btftest.Kernel(k.Image).Bytes()})
	}
	return elftest.File{Type: 2, Machine: k.Machine, Sections: sections}.Bytes()
}

// Module builds one module by its description.
func (k Kernel) Module(desc string) []byte {
	name, special, _ := strings.Cut(desc, ":")
	m := kmodtest.Module{
		Name: name, Vermagic: k.vermagic(cmp.Or(k.ModuleOptions, k.Options)), OutOfTree: special == "external" || special == "extra",
		Versions: []kmod.Version{{Name: "module_layout", CRC: 0x11111111}, {Name: "printk", CRC: 0x0a0b0c0d}},
		Imports:  []string{"printk"}, Text: "text of " + name, Machine: k.Machine,
	}
	if !k.NoBTF && special != "lost" && special != "external" {
		m.BTF = k.split(name, special, &m)
		if special == "idsbare" {
			m.BTF = nil
		}
	}
	k.stamp(special, &m)
	if special == "extra" {
		m.Imports = append(m.Imports, "alpha_open")
		m.Versions = append(m.Versions, kmod.Version{Name: "alpha_open", CRC: cmp.Or(k.CRC, defaultCRC)})
	}
	if name, ok := strings.CutPrefix(special, "imports="); ok {
		m.Imports = append(m.Imports, name)
	}
	if k.Unversioned {
		m.Versions = nil
	}
	data := m.Bytes()
	switch {
	case special == "stale":
		signature := modsigtest.NewKey(k.key()).Sign(data)[len(data):]
		m.Text += ", changed"
		return append(m.Bytes(), signature...)
	case k.ModuleKey == "none":
	case k.ModuleKey == "":
		data = modsigtest.NewKey(k.key()).Sign(data)
	default:
		data = modsigtest.NewKey(k.ModuleKey).Sign(data)
	}
	return data
}

// stamp writes what a repaired module carries.
func (k Kernel) stamp(special string, m *kmodtest.Module) {
	raw := btftest.Kernel(k.Build)
	base, err := stamp.BaseOf(raw.Bytes(), raw.Parse())
	if err != nil {
		panic(err)
	}
	switch special {
	case "oldids":
		m.IDs = []kmodtest.IDList{{Label: "ids", Words: []kmodtest.ID{{Kind: "struct", Name: "nf_conn", ID: uint32(raw.ID(btf.Struct, "nf_conn"))}}}}
		fallthrough
	case "stripped":
		m.BTF, m.Stamp = nil, stamp.Stamp{Base: &base, Left: stamp.Stripped}.Bytes()
	case "emptied":
		m.BTF = []byte{}
	case "magic":
		m.BTF[0], m.BTF[1] = 'E', 'L'
	case "typelen":
		copy(m.BTF[12:16], []byte{0xf0, 0xff, 0xff, 0x7f})
	case "junkfirst":
		m.Sections = append(m.Sections, elftest.Section{Name: ".BTF", Data: m.BTF})
		m.BTF = []byte("this is not BTF, but comes first")
	case "neutralized":
		m.BTF, m.Neutralized = []byte{}, true
	case "behind":
		m.Behind = true
	case "stamped":
		m.Stamp = stamp.Of(base, stamp.Encoder, m.BTF, nil).Bytes()
	case "asserted":
		m.Stamp = stamp.Of(base, stamp.Asserted, m.BTF, nil).Bytes()
	case "void":
		m.Stamp = stamp.Of(base, stamp.Encoder, []byte("the BTF of an earlier build"), nil).Bytes()
	case "unstamped":
		m.Stamp = []byte("no stamp")
	}
}

// flagged are the flags of NAME_open, which returns a number, and NAME_net, which
// returns a pointer, by what is special of a module.
var flagged = map[string][]uint32{"flags": {0, 32}, "flagsmoved": {32, 0}, "flagsother": {0, 0}, "flagsbad": {5, 0}}

// split is a module's BTF: a struct that embeds and points to base types, and
// a function that takes it.
func (k Kernel) split(name, special string, m *kmodtest.Module) []byte {
	base := btftest.Kernel(k.Build)
	net, conn := base.ID(btf.Struct, "net"), base.ID(btf.Struct, "nf_conn")
	list, i := base.ID(btf.Struct, "list_head"), base.ID(btf.Int, "int")
	s := base.Split()
	own := s.Struct(name+"_dev", 32, btftest.M("list", list, 0), btftest.M("net", s.Ptr(conn), 16), btftest.M("status", i, 24))
	p := s.Ptr(own)
	fn := s.Func(name+"_open", s.Proto(i, btftest.P("dev", p)))
	m.Funcs = []string{name + "_open"}
	if special != "apart" {
		s.Func(name+"_net", s.Proto(s.Ptr(s.Volatile(net)), btftest.P("dev", p)))
		m.Funcs = append(m.Funcs, name+"_net")
	}
	if special == "embed" {
		rec, _ := base.Parse().Record(net)
		s.Struct(name+"_priv", rec.SizeType, btftest.M("net", net, 0))
	}
	if special == "list" {
		m.IDs = []kmodtest.IDList{{Label: "ids", Words: []kmodtest.ID{{Kind: "struct", Name: "nf_conn", ID: uint32(conn)}}}}
	}
	if special == "zerolist" {
		m.IDs = []kmodtest.IDList{{Label: "ids", Words: []kmodtest.ID{{Kind: "struct", Name: "nf_conn"}, {Kind: "struct", Name: "net", ID: uint32(net)}}}}
	}
	if special == "ids" || special == "idsbare" || special == "unresolved" || special == "miscount" || flagged[special] != nil {
		m.Imports = append(m.Imports, "register_btf_kfunc_id_set")
		s.DeclTag("bpf_kfunc", fn, -1)
		flags := uint32(0)
		if k.Distilled {
			flags = 1 // BTF_SET8_KFUNCS, wanted since 6.9
		}
		m.IDs = []kmodtest.IDList{{Set: name + "_kfuncs", Set8: true, Flags: flags, Words: []kmodtest.ID{{Kind: "func", Name: name + "_open", ID: uint32(fn)}}}}
		if f := flagged[special]; f != nil {
			set, second := &m.IDs[0], s.ID(btf.Func, name+"_net")
			s.DeclTag("bpf_kfunc", second, -1)
			set.Words[0].Flags = f[0]
			set.Words = append(set.Words, kmodtest.ID{Kind: "func", Name: name + "_net", ID: uint32(second), Flags: f[1]})
		}
		switch set := &m.IDs[0]; special {
		case "unresolved":
			set.Words[0].ID, set.Miscount = 0, -1
		case "miscount":
			set.Miscount = 999
		}
	}
	return s.Bytes()
}
