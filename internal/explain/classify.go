package explain

import (
	"strings"

	"kpkg-btf/internal/model"
)

// classify knows the messages of one line: kernel/bpf/btf.c, kernel/module/*.c
// and the errors of kmod's and busybox's modprobe and insmod. nil for others.
func classify(msg string) *event {
	for _, f := range []func(string) *event{registration, linking, signing, inserting, building} {
		if e := f(msg); e != nil {
			return e
		}
	}
	return nil
}

func newEvent(kind, module string) *event {
	return &event{LogEvent: model.LogEvent{Kind: kind, Module: moduleName(module), Count: 1}}
}

// registration are the messages of module BTF after the blob itself.
func registration(msg string) *event {
	switch {
	case strings.Contains(msg, "Kernel module BTF mismatch detected"):
		return newEvent(Mismatch, "")
	case strings.HasPrefix(msg, "missing module BTF, cannot register "):
		e := newEvent(NoSetBTF, "")
		e.Symbol = strings.TrimPrefix(msg, "missing module BTF, cannot register ")
		return e
	case strings.HasPrefix(msg, "missing vmlinux BTF, cannot register "), strings.Contains(msg, "in-kernel BTF is malformed"):
		return newEvent(NoVmlinux, "")
	case strings.HasPrefix(msg, "error while registering ") && strings.Contains(msg, "kfunc"),
		strings.HasPrefix(msg, "error while setting ") && strings.Contains(msg, "kfunc"):
		e := newEvent(OwnKfuncs, "")
		what, no, _ := strings.Cut(msg, ": ")
		e.Symbol, e.Errno = strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(what, "error while registering "), "error while setting "), " kfuncs"), errno(no)
		return e
	case strings.HasPrefix(msg, "kfunc ") && strings.Contains(msg, " already present in "):
		e := newEvent(Taken, "")
		e.Symbol, _, _ = strings.Cut(strings.TrimPrefix(msg, "kfunc "), " ")
		return e
	case strings.HasPrefix(msg, "Cannot find struct ") && strings.Contains(msg, " in "):
		e := newEvent(NoStruct, "")
		e.Symbol, _, _ = strings.Cut(strings.TrimPrefix(msg, "Cannot find struct "), " in ")
		return e
	}
	return nil
}

// linking are the messages of a module's symbols and its build.
func linking(msg string) *event {
	module, rest, ok := strings.Cut(msg, ": ")
	if !ok {
		return nil
	}
	if module == "module" { // "module: x: loading …"
		if module, rest, ok = strings.Cut(rest, ": "); !ok {
			return nil
		}
	}
	e := newEvent("", strings.TrimPrefix(module, "module "))
	if e.Module == "" {
		return nil
	}
	switch {
	case strings.HasPrefix(rest, "version magic '"):
		have, after, _ := between(rest, "version magic '", "'")
		want, _, ok := between(after, "should be '", "'")
		if !ok {
			return nil
		}
		e.Kind, e.have, e.want = Vermagic, have, want
	case strings.HasPrefix(rest, "disagrees about version of symbol "):
		e.Kind, e.Symbol = SymbolVersion, firstWord(rest[len("disagrees about version of symbol "):])
	case strings.HasPrefix(rest, "no symbol version for "):
		e.Kind, e.Symbol = SymbolPlain, firstWord(rest[len("no symbol version for "):])
	case strings.HasPrefix(rest, "Unknown symbol "):
		word, err, _ := strings.Cut(rest[len("Unknown symbol "):], " ")
		e.Kind, e.Symbol = SymbolUnknown, word
		if no, _, ok := between(err, "(err ", ")"); ok {
			e.Errno = errno(no)
		}
	case strings.Contains(rest, "uses symbol ") && strings.Contains(rest, " from namespace "):
		word, _, _ := between(rest, "uses symbol ", " ")
		e.Kind, e.Symbol = Namespace, strings.Trim(word, "()")
	case strings.HasPrefix(rest, "exports duplicate symbol "):
		e.Kind, e.Symbol = Duplicate, firstWord(rest[len("exports duplicate symbol "):])
	case strings.HasPrefix(rest, "loading out-of-tree module taints"):
		e.Kind = OutOfTree
	case strings.HasPrefix(rest, "module verification failed: "):
		e.Kind = Unsigned
	case strings.Contains(rest, ".gnu.linkonce.this_module section size must match"):
		e.Kind = Format
	default:
		return nil
	}
	return e
}

func firstWord(s string) string {
	w, _, _ := strings.Cut(strings.TrimSpace(s), " ")
	return w
}

// signing are the messages that name no module.
func signing(msg string) *event {
	for _, s := range []string{"Loading of unsigned module is rejected", "Loading of module with unavailable key is rejected",
		"Loading of module with unsupported crypto is rejected", "unsigned module loading is restricted"} {
		if strings.Contains(msg, s) {
			return newEvent(KeyRejected, "")
		}
	}
	return nil
}

// The words of strerror(3) and of kmod's own table for what finit_module gave.
var inserted = []struct {
	words string
	errno int
}{
	{"Invalid module format", -8}, {"Exec format error", -8}, {"invalid module format", -8},
	{"Invalid argument", -22}, {"Invalid parameters", -22}, {"invalid parameter", -22},
	{"Key was rejected by service", -129}, {"Required key not available", -126},
	{"Unknown symbol in module", -2}, {"unknown symbol in module", -2}, {"No such file or directory", -2},
	{"Operation not permitted", -1}, {"File exists", -17}, {"Bad message", -74},
	{"Package not installed", -65}, {"Cannot allocate memory", -12}, {"No such device", -19},
}

// inserting are the errors of user space: kmod's "could not insert 'x': …" and
// "could not insert module x.ko: …", busybox's "can't insert 'x.ko': …" and
// systemd's "Failed to insert module 'x': …".
func inserting(msg string) *event {
	var rest string
	for _, w := range []string{"could not insert module ", "could not insert ", "can't insert ", "can't load module ", "Failed to insert module "} {
		if _, after, ok := strings.Cut(msg, w); ok {
			rest = after
			break
		}
	}
	if rest == "" {
		return nil
	}
	name, why, ok := strings.Cut(rest, ": ")
	if word, _, spaced := strings.Cut(name, " "); spaced { // "can't load module x (path): …"
		name = word
	}
	e := newEvent(NotInserted, name)
	if e.Module == "" || !ok {
		return nil
	}
	for _, k := range inserted {
		if strings.Contains(why, k.words) {
			e.Errno = k.errno
			break
		}
	}
	if e.Errno == -129 || e.Errno == -126 {
		e.Kind = KeyRejected
	}
	return e
}
