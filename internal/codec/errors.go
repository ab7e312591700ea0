package codec

import (
	"errors"
	"io"

	"github.com/klauspost/compress/zstd"

	"kpkg-btf/internal/where"
)

// libraryError gives the error of a library its kind.
func libraryError(err error) *where.Error {
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return where.New(where.Malformed, "truncated: %w", err)
	case errors.Is(err, zstd.ErrWindowSizeExceeded), errors.Is(err, zstd.ErrDecoderSizeExceeded):
		return where.New(where.Limit, "%w", err)
	case errors.Is(err, zstd.ErrUnknownDictionary):
		return where.New(where.Unsupported, "%w", err)
	}
	return where.New(where.Malformed, "%w", err)
}

// truncated says that the input ends inside of what.
func truncated(what string) *where.Error {
	return where.New(where.Malformed, "truncated: ends within %s", what)
}

// cut turns the end of the input inside a structure into an error that names
// it; other errors pass.
func cut(err error, what string) error {
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		return truncated(what)
	}
	return err
}
