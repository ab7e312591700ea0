package signing

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"kpkg-btf/internal/modsig"
	"kpkg-btf/internal/where"
)

// maxFile bounds keys, certificates and passphrases.
const maxFile = 1 << 20

// Passphrase reads the first line of a file or of an open descriptor.
func Passphrase(path string, fd int) ([]byte, error) {
	f := os.NewFile(uintptr(fd), "descriptor")
	if path != "" {
		var err error
		if f, err = os.Open(path); err != nil {
			return nil, where.In(path, where.New(where.Usage, "%w", unwrapPath(err)))
		}
	}
	if f == nil {
		return nil, where.New(where.Usage, "no descriptor %d", fd)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return nil, where.New(where.Usage, "passphrase: %w", unwrapPath(err))
	}
	line, _, _ := bytes.Cut(b, []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r")), nil
}

func unwrapPath(err error) error {
	if pe, ok := err.(*os.PathError); ok {
		return pe.Err
	}
	return err
}

// Exposed reports whether others than its owner may read a private key, and its
// mode. A file that cannot be looked at is LoadKey's to report.
func Exposed(path string) (fs.FileMode, bool) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, false
	}
	mode := info.Mode().Perm()
	return mode, info.Mode().IsRegular() && mode&0o077 != 0
}

// LoadKey reads a private key and keeps it out of core dumps. passphrase is
// nil when none was given.
func LoadKey(path string, passphrase []byte) (*Key, error) {
	// From here on neither a crash nor a debugger of another user sees memory.
	_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
	_ = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
	file, err := readSmall(path)
	if err != nil {
		return nil, err
	}
	k, err := modsig.ParsePrivateKey(file, passphrase)
	clear(file)
	clear(passphrase)
	if err != nil {
		return nil, where.In(path, err)
	}
	return &Key{k}, nil
}

func readSmall(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, where.In(path, where.New(where.Usage, "%w", unwrapPath(err)))
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return nil, where.In(path, where.New(where.IO, "%w", unwrapPath(err)))
	}
	return b, nil
}

// LoadCertificates reads the certificates of a file, PEM or DER.
func LoadCertificates(path string) ([]*modsig.Certificate, error) {
	b, err := readSmall(path)
	if err != nil {
		return nil, err
	}
	list, err := modsig.ReadCertificates(b)
	return list, where.In(path, err)
}

// Key is a Signer with a key in memory.
type Key struct{ key *modsig.PrivateKey }

// Fits reports whether the certificate is of this key.
func (k *Key) Fits(c *modsig.Certificate) bool { return k.key.Fits(c) }

// Sign implements Signer.
func (k *Key) Sign(_ context.Context, hash string, digest []byte) ([]byte, error) {
	return k.key.Sign(hash, digest)
}
