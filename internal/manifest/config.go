package manifest

import (
	"bytes"
	"slices"
	"strings"

	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/where"
)

// The options of a kernel that say how its BTF and modules were made and what
// it does with modules at load time. A "*" stands for any end.
var mattering = []string{
	"CONFIG_64BIT", "CONFIG_CPU_BIG_ENDIAN",
	"CONFIG_BPF", "CONFIG_BPF_JIT", "CONFIG_BPF_SYSCALL",
	"CONFIG_DEBUG_INFO", "CONFIG_DEBUG_INFO_*",
	"CONFIG_PAHOLE*",
	"CONFIG_CC_VERSION_TEXT", "CONFIG_LOCALVERSION", "CONFIG_BUILD_SALT",
	"CONFIG_MODULES", "CONFIG_MODULE_*",
	"CONFIG_MODVERSIONS", "CONFIG_ASM_MODVERSIONS", "CONFIG_BASIC_MODVERSIONS", "CONFIG_EXTENDED_MODVERSIONS",
	"CONFIG_GENKSYMS", "CONFIG_GENDWARFKSYMS",
	"CONFIG_TRIM_UNUSED_KSYMS", "CONFIG_RANDSTRUCT*", "CONFIG_LTO*", "CONFIG_RUST",
	"CONFIG_SMP", "CONFIG_PREEMPT", "CONFIG_PREEMPT_RT", "CONFIG_PREEMPT_DYNAMIC", "CONFIG_ARCH_USES_*_VERMAGIC",
	"CONFIG_SYSTEM_TRUSTED_KEYS", "CONFIG_SECONDARY_TRUSTED_KEYRING", "CONFIG_SECURITY_LOCKDOWN_LSM*",
	"CONFIG_LOCK_DOWN_*", "CONFIG_IKCONFIG", "CONFIG_CRYPTO_RSA", "CONFIG_CRYPTO_ECDSA",
}

// Matters reports whether a manifest keeps the option of a name.
func Matters(name string) bool {
	return slices.ContainsFunc(mattering, func(p string) bool {
		before, after, star := strings.Cut(p, "*")
		if !star {
			return name == p
		}
		return len(name) >= len(before)+len(after) && strings.HasPrefix(name, before) && strings.HasSuffix(name, after)
	})
}

// Config are the options of one kernel.
type Config []Option

// Value returns an option's value; ok is false for one that is not listed, of
// which nothing is known.
func (c Config) Value(name string) (value string, ok bool) {
	for _, o := range c {
		if o.Name == name {
			return o.Value, true
		}
	}
	return "", false
}

// deciding are the options that judgements ask about. A whole config answers for
// each: what it does not name (because what it depends on is off, or the version
// does not have it) is off.
var deciding = []string{
	"CONFIG_DEBUG_INFO_BTF", "CONFIG_DEBUG_INFO_BTF_MODULES",
	"CONFIG_MODULE_ALLOW_BTF_MISMATCH", "CONFIG_MODULE_ALLOW_MISSING_NAMESPACE_IMPORTS", "CONFIG_MODULE_FORCE_LOAD",
	"CONFIG_MODULE_SIG", "CONFIG_MODULE_SIG_FORCE", "CONFIG_MODVERSIONS", "CONFIG_TRIM_UNUSED_KSYMS",
}

// wholeLines is the number of options from which a text without the generated
// head is taken for a whole config: fragments (kernel/configs, distributions'
// own) have hundreds, whole ones of distributions 7 000 to 12 000.
const wholeLines = 2000

// isWhole reports whether the text is a whole config as kconfig writes it, with its
// head (conf_write in scripts/kconfig/confdata.c), and not a fragment.
func isWhole(text []byte, options int) bool {
	head := text[:min(len(text), 1024)]
	return options >= wholeLines || bytes.Contains(head, []byte("# Automatically generated file; DO NOT EDIT.")) && bytes.Contains(head, []byte(" Kernel Configuration\n"))
}

// ConfigOptions reads the text of a kernel's .config (/boot/config-*, or what
// CONFIG_IKCONFIG embeds) and keeps the options that matter, sorted. Of a whole
// config those that decide are there whether it names them or not. A line is
// "CONFIG_X=value", "# CONFIG_X is not set" (value "n"), a comment or empty
// (scripts/kconfig/confdata.c: conf_read_simple); anything else, and an option
// that matters with two values, is Malformed with offset and line.
func ConfigOptions(text []byte) (Config, error) {
	if len(text) > limits.MaxText {
		return nil, where.New(where.Limit, "a config of %d bytes, the limit is %d", len(text), limits.MaxText)
	}
	values := map[string]string{}
	off, n, options := 0, 0, 0
	for raw := range bytes.Lines(text) {
		n++
		at := int64(off)
		off += len(raw)
		line := string(bytes.TrimRight(raw, "\r\n"))
		name, value, ok := option(line)
		if !ok {
			return nil, where.New(where.Malformed, "line %d: neither option nor comment", n).At(at)
		}
		if name != "" {
			options++
		}
		if !Matters(name) {
			continue
		}
		if before, ok := values[name]; ok && before != value {
			return nil, where.New(where.Malformed, "line %d: %s is %s here and %s above", n, name, value, before).At(at)
		}
		values[name] = value
	}
	if isWhole(text, options) {
		for _, name := range deciding {
			if _, ok := values[name]; !ok {
				values[name] = "n"
			}
		}
	}
	out := make(Config, 0, len(values))
	for name, value := range values {
		out = append(out, Option{Name: name, Value: value})
	}
	slices.SortFunc(out, func(a, b Option) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// option splits a line of a config; name is "" for a comment.
func option(line string) (name, value string, ok bool) {
	if line == "" {
		return "", "", true
	}
	if comment, isComment := strings.CutPrefix(line, "#"); isComment {
		off, unset := strings.CutSuffix(strings.TrimPrefix(comment, " "), " is not set")
		if unset && isOptionName(off) {
			return off, "n", true
		}
		return "", "", true
	}
	name, value, ok = strings.Cut(line, "=")
	return name, value, ok && isOptionName(name)
}

func isOptionName(s string) bool {
	rest, ok := strings.CutPrefix(s, "CONFIG_")
	return ok && rest != "" && !strings.ContainsFunc(rest, func(r rune) bool {
		return !(r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '_')
	})
}
