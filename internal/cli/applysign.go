package cli

import (
	"context"
	"io"
	"os"

	"github.com/spf13/cobra"

	"kpkg-btf/internal/fsx"
	"kpkg-btf/internal/repair/signing"
	"kpkg-btf/internal/where"
)

// signFlags say what becomes of signatures.
type signFlags struct {
	drop           bool
	key            string
	passphraseFile string
	passphraseFD   int
	program        string
	exportTo       string
	importFrom     string
	cert           string
	hash           string
	trusted        []string
	unsigned       bool
	foreign        bool
}

func (f *signFlags) register(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.BoolVar(&f.drop, "drop-signature", false, "let the signatures of changed modules go: they are signed afterwards")
	fl.StringVar(&f.key, "resign", "", "sign changed modules anew with this private key (PEM: RSA or ECDSA)")
	fl.StringVar(&f.passphraseFile, "key-passphrase-file", "", "file whose first line opens the key")
	fl.IntVar(&f.passphraseFD, "key-passphrase-fd", -1, "open descriptor whose first line opens the key")
	fl.StringVar(&f.program, "sign-cmd", "", "program that makes signatures: digest in, signature out")
	fl.StringVar(&f.exportTo, "export-digests", "", "write what a signing service is to sign to this file, and nothing else")
	fl.StringVar(&f.importFrom, "import-signatures", "", "take signatures from this file: that of --export-digests, filled in")
	fl.StringVar(&f.cert, "cert", "", "certificate of the new signatures (PEM or DER)")
	fl.StringVar(&f.hash, "sign-hash", "", "digest of new signatures: sha256, sha384, sha512 (default: as before)")
	fl.StringArrayVar(&f.trusted, "trusted-cert", nil, "certificate whose modules may be signed anew (repeats)")
	fl.BoolVar(&f.unsigned, "allow-unsigned-input", false, "sign modules too that no trusted certificate vouches for")
	fl.BoolVar(&f.foreign, "allow-foreign-key", false, "sign with a key whose certificate is not in the kernel image")
}

// rules reads keys and certificates.
func (f *signFlags) rules() (signing.Rules, error) {
	r := signing.Rules{Drop: f.drop, Hash: f.hash, AllowUnsigned: f.unsigned}
	ways := 0
	for _, w := range []string{f.key, f.program, f.importFrom, f.exportTo} {
		if w != "" {
			ways++
		}
	}
	if ways > 1 {
		return r, usagef("one of --resign, --sign-cmd, --export-digests and --import-signatures")
	}
	if ways == 0 {
		if f.cert != "" || f.hash != "" || f.unsigned || f.foreign || len(f.trusted) > 0 {
			return r, usagef("flags about new signatures, but nothing that makes them: --resign, --sign-cmd or --export-digests")
		}
		return r, nil
	}
	if f.cert == "" {
		return r, usagef("new signatures need the certificate of the key: --cert FILE")
	}
	certs, err := signing.LoadCertificates(f.cert)
	if err != nil {
		return r, err
	}
	r.Certificate = certs[0]
	for _, path := range f.trusted {
		list, err := signing.LoadCertificates(path)
		if err != nil {
			return r, err
		}
		r.Trusted = append(r.Trusted, list...)
	}
	r.Signer, err = f.signer(r)
	return r, err
}

func (f *signFlags) signer(r signing.Rules) (signing.Signer, error) {
	switch {
	case f.program != "":
		return signing.FindCommand(f.program)
	case f.exportTo != "":
		return exportOnly{}, nil
	case f.importFrom != "":
		file, err := os.ReadFile(f.importFrom)
		if err != nil {
			return nil, where.In(f.importFrom, where.New(where.Usage, "%w", err))
		}
		im, err := signing.ReadSignatures(file)
		return im, where.In(f.importFrom, err)
	}
	var pass []byte
	if f.passphraseFile != "" || f.passphraseFD >= 0 {
		var err error
		if pass, err = signing.Passphrase(f.passphraseFile, f.passphraseFD); err != nil {
			return nil, err
		}
	}
	key, err := signing.LoadKey(f.key, pass)
	if err != nil {
		return nil, err
	}
	if !key.Fits(r.Certificate) {
		return nil, where.In(f.cert, where.New(where.Usage, "the certificate %q is not of the key %s", r.Certificate.Subject, f.key))
	}
	return key, nil
}

// exportOnly stands for signatures that are made later.
type exportOnly struct{}

func (exportOnly) Sign(context.Context, string, []byte) ([]byte, error) {
	return nil, where.New(where.Internal, "a signature was asked for while digests are exported")
}

// exporter writes the requests; nil when none are asked for.
func (f *signFlags) exporter(force bool) func([]signing.Request) error {
	if f.exportTo == "" {
		return nil
	}
	return func(list []signing.Request) error {
		return fsx.WriteFile(f.exportTo, 0o644, func(w io.Writer) error { return signing.WriteRequests(w, toolName(), list) }, nil, fsx.Options{Force: force})
	}
}
