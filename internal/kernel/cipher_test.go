package kernel

import (
	"testing"

	"kpkg-btf/internal/btf/btftest"
	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/tri"
)

// A config tells, else the functions of a base that describes such code at all.
func TestCiphers(t *testing.T) {
	base := func(functions ...string) *Base {
		b := btftest.Base()
		proto := b.Proto(0)
		for _, f := range functions {
			b.Func(f, proto)
		}
		return &Base{Raw: b.Parse()}
	}
	verify := "public_key_verify_signature"
	for _, c := range []struct {
		what   string
		config manifest.Config
		base   *Base
		rsa    tri.State
	}{
		{"nothing known", nil, nil, tri.Yes},
		{"in the image", manifest.Config{{Name: "CONFIG_CRYPTO_RSA", Value: "y"}}, base(verify), tri.Yes},
		{"off", manifest.Config{{Name: "CONFIG_CRYPTO_RSA", Value: "n"}}, base(verify, "pkcs1pad_verify"), tri.No},
		{"a module", manifest.Config{{Name: "CONFIG_CRYPTO_RSA", Value: "m"}}, nil, tri.Unknown},
		{"described", nil, base(verify, "rsassa_pkcs1_verify"), tri.Yes},
		{"described, older", nil, base(verify, "pkcs1pad_verify"), tri.Yes},
		{"not described", nil, base(verify), tri.Unknown},
		{"a base without such code", nil, base("printk"), tri.Yes},
	} {
		k := &Kernel{config: c.config, Base: c.base}
		if got := k.ciphers()["rsa"]; got.Has != c.rsa || (got.Why == "") != (got.Has == tri.Yes) {
			t.Errorf("%s: %+v, want %s", c.what, got, c.rsa)
		}
	}
}
