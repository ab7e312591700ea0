package kernel

import (
	"slices"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/kmod/loadcheck"
	"kpkg-btf/internal/tri"
)

// ciphers are the public key algorithms of signatures by the option that has
// each, and the functions of its code (docs/kernel-rules.md, "Signatures").
var ciphers = map[string]struct {
	option string
	code   []string
}{
	"rsa":   {"CONFIG_CRYPTO_RSA", []string{"pkcs1pad_verify", "rsassa_pkcs1_verify"}}, // until 6.12; from 6.13 on
	"ecdsa": {"CONFIG_CRYPTO_ECDSA", []string{"ecdsa_verify", "ecdsa_x962_verify"}},
}

// ciphers finds out which of them the kernel has in its image. Where nothing
// speaks against one it has it: the options of module signatures select it.
func (k *Kernel) ciphers() map[string]loadcheck.Cipher {
	out := map[string]loadcheck.Cipher{}
	for name, c := range ciphers {
		v, known := k.config.Value(c.option)
		switch {
		case known && v == "n":
			out[name] = loadcheck.Cipher{Has: tri.No, Why: c.option + " is off"}
		case known && v == "m":
			out[name] = loadcheck.Cipher{Why: c.option + " is a module, which the kernel may have to load first"}
		case !known && k.describes("public_key_verify_signature") && !slices.ContainsFunc(c.code, k.describes):
			out[name] = loadcheck.Cipher{Why: "no function of " + name + " in its base"}
		default:
			out[name] = loadcheck.Cipher{Has: tri.Yes}
		}
	}
	return out
}

// describes reports whether the base has a function of a name.
func (k *Kernel) describes(function string) bool {
	if k.Base == nil {
		return false
	}
	_, ok := k.Base.Raw.Find(btf.Func, function)
	return ok
}
