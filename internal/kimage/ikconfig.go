package kimage

import (
	"bytes"

	"kpkg-btf/internal/codec"
	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/where"
)

// CONFIG_IKCONFIG: the gzipped .config between two marks (kernel/configs.c).
const (
	configStart = "IKCFG_ST"
	configEnd   = "IKCFG_ED"
)

// config returns the text of the embedded configuration, nil without one.
func (k *kernel) config(dec *codec.Decoder) ([]byte, error) {
	at, ok := k.find(configStart + "\x1f\x8b")
	if !ok {
		return nil, nil
	}
	gz := k.data[at+int64(len(configStart)):]
	text, n, err := dec.DecodePrefix(nil, codec.Gzip, gz, limits.MaxText)
	if err != nil {
		return nil, where.In("embedded config", err)
	}
	if !bytes.HasPrefix(gz[n:], []byte(configEnd)) {
		return nil, where.New(where.Malformed, "embedded config is not followed by %s", configEnd).At(at)
	}
	return text, nil
}
