package explain

import (
	"slices"
	"strings"

	"kpkg-btf/internal/model"
)

// Sentences that several events share.
const (
	rebootCure    = "reboot into the kernel the installed modules were built with"
	reinstallCure = "or install the modules of the running kernel's own build (the same package version as in /proc/version) and rebuild its initrd"
	checkCure     = "give kpkg-btf explain the packages of both builds to learn which module of which build it is"
	garbled       = "a module's BTF counts on from its kernel's: its string offsets and type ids begin where the base of the build ended. On another base an offset leads into the middle of some other word, so what is printed (\"rimary_device\", \"nfig\") may be the tail of a longer name or an unrelated one, and the id counts from the running kernel's base, not from the build's"
)

// what is said of an event when nothing but its words is known.
type what struct {
	meaning string
	cures   []string
}

// meanings are by kind of event.
var meanings = map[string]what{
	Mismatch: {"the kernel refused the BTF of at least one module and loaded it without, because it is built with CONFIG_MODULE_ALLOW_BTF_MISMATCH. It says so once after boot: how many modules it is, and which, is not in the log. They work, but tracing by their types and their kfuncs are missing, and before 6.5 those that register kfuncs may not load",
		[]string{rebootCure, reinstallCure}},
	NoSetBTF: {"a module's init registers functions or types for BPF by BTF id, and the module has no BTF in the kernel: it was stripped, never had any, or was refused before. Before 6.1.39, 6.4.4 and 6.5 (destructors: before 6.9) init fails with ENOENT and the module does not load; since then this is a warning",
		[]string{"look for a refused module just before this line", rebootCure, "if the module was stripped: ship it with BTF of its own build, or distilled where the kernel honours .BTF.base"}},
	NoVmlinux: {"the kernel itself has no BTF that it can use, so no module's BTF can be: the image was built or repacked without .BTF, or that section is damaged",
		[]string{"check the image: kpkg-btf inspect vmlinuz", "rebuild it with CONFIG_DEBUG_INFO_BTF and a pahole that kernel version supports"}},
	Taken: {"a kfunc's name is a function that the kernel or another loaded module has already (checked from 7.2 on). With BTF ids of another build a set names the wrong functions, and this is what then shows",
		[]string{rebootCure, reinstallCure, "if that changes nothing, two modules really define a function of that name: one must go"}},
	NoStruct: {"init registers a struct_ops type by name and the module's BTF has no such type: it is missing there, or it is BTF of another build",
		[]string{rebootCure, reinstallCure}},
	OwnKfuncs: {"the kernel's own set of kfuncs of that name failed to register: ids in the image's .BTF_ids are no functions of the image's BTF. Its BTF was changed after resolve_btfids (a second link, pahole, strip), or is damaged. Every module's BTF is judged on that base",
		baseBad.cures},
	OutOfTree: {"information, not an error: the module was not built with the kernel (no intree mark)", nil},
	Unsigned: {"the module has no signature, or one by a key this kernel does not know; it loads and taints the kernel. Where signatures are enforced it would be refused",
		[]string{"if it should be the distribution's module: its signer is of another build, reinstall the modules of the running kernel's build", "else sign it with a key the kernel trusts (MOK, built-in certificate)"}},
	KeyRejected: {"signatures are enforced (module.sig_enforce, lockdown, Secure Boot) and the module's is missing, damaged or by a key that is not in the kernel. Distributions sign each build with a key of its own, so modules of another build are refused",
		[]string{rebootCure, reinstallCure, "sign a module again that was changed after signing, by strip for example (compression changes nothing)"}},
	SymbolVersion: {"the checksum of a symbol that the module was built against differs from what the kernel exports (CONFIG_MODVERSIONS): the type of the symbol changed between the two builds. The load fails",
		[]string{rebootCure, "build the module against the headers of the running kernel"}},
	SymbolPlain:   {"the kernel has symbol versions and the module none for this symbol: it was built without Module.symvers. The kernel loads it only if forced, and taints", []string{"build the module again with the Module.symvers of this kernel"}},
	SymbolUnknown: {"the module needs a symbol that neither the kernel nor a loaded module exports: it was built for another kernel, or the module that exports it is not loaded", []string{"depmod -a, then load with modprobe and not insmod", rebootCure, reinstallCure}},
	Namespace:     {"the module uses a symbol of a namespace it does not import", []string{"add MODULE_IMPORT_NS to the module and build it again"}},
	Duplicate:     {"two modules, or the kernel and a module, export the same symbol; the second one does not load. After an update a module may have become built in, or a symbol moved", []string{rebootCure, "remove the older copy below updates/ or extra/"}},
	Vermagic:      {"the module was built for a kernel of another version or configuration; the load fails. (Where both sides have symbol versions the first word, the release, is not compared.)", []string{"install the modules of the running kernel, or build this one against its headers"}},
	Format:        {"the module's struct module has another size than the kernel's: another configuration or another compiler plugin setup", []string{"build the module with the configuration of this kernel"}},
}

// baseBad is what a refusal means on a kernel whose own sets fail.
var baseBad = what{"in this boot the kernel's own sets of kfuncs failed to register, so its own BTF and its ids disagree: the base is bad, and modules that are right fail on it too. Which module fails says nothing",
	[]string{"boot another build of this kernel, or the one before", "kpkg-btf inspect on the image shows what is wrong with its BTF; give that to whoever built it", "reinstalling modules or the initrd does not help"}}

// failures are by the errno that modprobe or insmod reports.
var failures = map[int]what{
	-22: {"the kernel returned EINVAL. It does so for BTF that does not fit (the log then has \"failed to validate module\"), for kfunc ids that are no functions (no line at all, 6.4 and later), for bad parameters, and from the module's own init",
		[]string{"look at dmesg from the same second", checkCure}},
	-8:  {"the file is no module for this kernel: other vermagic, architecture or symbol versions. dmesg has the reason", []string{"compare modinfo -F vermagic with uname -r and look at dmesg"}},
	-2:  {"ENOENT: the module needs a symbol that is not there, or it registers BTF ids and has no BTF on a kernel before 6.1.39, 6.4.4 or 6.5. dmesg has \"Unknown symbol\" or \"missing module BTF\"", []string{"look at dmesg from the same second", reinstallCure}},
	-1:  {"EPERM: not root, modules are disabled, or lockdown", nil},
	-17: {"EEXIST: a module of that name is loaded, or built in", nil},
	-74: {"EBADMSG: the signature at the end of the file is damaged, or the module was changed after it was signed", []string{"install the module again", "sign again after strip"}},
	-65: {"ENOPKG: the signature uses an algorithm this kernel does not have", nil},
	-12: {"ENOMEM: the kernel found no memory for the module", (&event{}).memory()},
	-19: {"ENODEV from the module's own init: no such hardware", nil},
}

// explain fills in what an event means by itself.
func (e *event) explain() {
	w := meanings[e.Kind]
	switch {
	case e.Kind == Refused:
		w = e.refusedAdvice()
		if e.Type != nil && e.Type.Name != "" {
			e.Name = garbled
		}
	case e.build != nil:
		w = e.build.what
	case e.Kind == NotInserted:
		var known bool
		if w, known = failures[e.Errno]; !known {
			w = what{"the kernel refused the module; the reason is in dmesg", []string{"look at dmesg from the same second"}}
		}
	}
	e.Meaning, e.Cures = w.meaning, append([]string{}, w.cures...)
}

// checks are what the kernel looked at when it said a text, in the order in
// which they are tried.
var checks = []struct{ text, check string }{
	{"Type tags don't precede modifiers", "the chains of modifiers: a type tag comes after const or volatile (btf_check_type_tags)"},
	{"Max chain length", "the chains of modifiers: one is a cycle or too long"},
	{"not mapped to base BTF id", ".BTF.base: a type the module refers to is not in the running kernel under that name, kind and size"},
	{"multiple candidates", ".BTF.base: several types of the running kernel fit"},
	{"not mapped to base BTF", ".BTF.base: a string of the module is not in the running kernel's base"},
	{"distilled base", ".BTF.base: its shape"},
	{"Invalid name_offset", "string offsets: a name lies beyond base and module together, so the base is shorter than that of the build"},
	{"Invalid member name_offset", "string offsets: a member's name lies beyond base and module together, so the base is shorter than that of the build"},
	{"Invalid name", "names: what is at the name's offset is no C identifier, or there is none where one must be, or one where none may be"},
	{"Invalid type_id", "type ids that a record refers to"},
	{"bits_offset", "struct members: their places and the struct's size"},
	{"section", "the sections that the header declares"},
	{"Invalid magic", "the header: magic"},
	{"btf_header", "the header: its length or unknown parts of it"},
	{"hdr_len", "the header: the section is too short"},
	{"Unsupported version", "the header: version"},
	{"Unsupported flags", "the header: flags"},
	{"Invalid kind", "the kind of a record: BTF newer than this kernel, or a damaged section"},
	{"Invalid btf_info", "the info word of a record: BTF newer than this kernel, or a damaged section"},
	{"meta_left", "the length of a record: the type section ends within it"},
}

func refusalMeaning(e *event) string {
	s := "the kernel refused the BTF of "
	if e.Module != "" {
		s += "module " + e.Module
	} else {
		s += "a module (the line that names it is not in this log)"
	}
	if check := checkOf(e); check != "" {
		s += " in its check of " + check
	}
	s += ". "
	switch {
	case e.Errno == -12:
		return s + "The errno is ENOMEM: the kernel ran out of memory, the BTF need not be wrong"
	case e.external:
		return s + "The module was not built with this kernel (the log says so: out-of-tree), and its BTF fits only the build whose vmlinux it was encoded on: the same name and version are not enough. Without CONFIG_MODULE_ALLOW_BTF_MISMATCH the load fails; with it the module loads without BTF"
	}
	return s + "The usual cause is modules of one build on the kernel of another: BTF fits only the base it was encoded against. Without CONFIG_MODULE_ALLOW_BTF_MISMATCH the load fails; with it the module loads without BTF"
}

func checkOf(e *event) string {
	text := strings.Join(e.btf, " ")
	for i := range e.Mixed {
		if e.Mixed[i].Text != e.Mixed[0].Text {
			text = "" // one check or another
			break
		}
		text = e.Mixed[0].Text
	}
	for _, c := range checks {
		if strings.Contains(text, c.text) {
			return c.check
		}
	}
	return ""
}

// cures for a refusal whose source is known.
func (e *event) cure(s *model.LogSource) {
	of, on := label(&s.Of), label(&s.On)
	switch {
	case externalPath(s.Module):
		e.Meaning = "the running kernel is that of " + on + " (" + s.On.Name + "); the module of " + of + " was encoded on another base"
		e.Cures = e.outOfTree(s.Module)
	case same(&s.Of, &s.On):
		e.Meaning = "the modules of " + of + " do not fit the kernel in the same release: the build is wrong in itself"
		e.Cures = []string{"rebuild it: kpkg-btf check on its packages says what is wrong and where", "until then install an earlier or later build"}
	case s.Of.Name == s.On.Name:
		e.Meaning = "the running kernel is that of " + on + "; the module is of " + of + ", another build under the same name " + s.On.Name + ", installed over it"
		e.Cures = []string{"reboot into the kernel of " + of, "or reinstall the modules of " + on + " and rebuild its initrd",
			"if it boots " + on + " again after a reboot, an older copy lies on the ESP or in /boot: kpkg-btf verify names it", "before shipping: kpkg-btf check NEW --against OLD says what such an update must do (strip, distill or bump the name)"}
	default:
		e.Meaning = "the running kernel is that of " + on + " (" + s.On.Name + "); the module is of " + of + " (" + s.Of.Name + "): it lies in the wrong folder below /lib/modules or in an old initrd"
		e.Cures = []string{"reboot into the kernel of " + of, "or reinstall the modules of " + on + " and rebuild its initrd", "kpkg-btf check NEW --against OLD --as-if-same-release judges all modules of the pair"}
	}
	if e.Kind == Refused && checkOf(e) != "" {
		e.Meaning += ". It failed the check of " + checkOf(e)
	}
}

// externalPath reports whether a module lies where modules go that were not
// built with the kernel.
func externalPath(path string) bool {
	for _, dir := range []string{"updates/", "extra/", "weak-updates/", "external/"} {
		if strings.HasPrefix(path, dir) {
			return true
		}
	}
	return false
}

func label(g *model.GivenRelease) string {
	if len(g.Packages) == 0 {
		return g.Name
	}
	return g.Packages[0]
}

func same(a, b *model.GivenRelease) bool {
	return a.Name == b.Name && a.Arch == b.Arch && slices.Equal(a.Packages, b.Packages)
}
