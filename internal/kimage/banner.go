package kimage

import "bytes"

// The version banner, linux_banner in init/version-timestamp.c (init/version.c
// before 6.1): "Linux version RELEASE (builder) (compiler) #1 SMP … (date)\n".
// Since 6.1 an early one without build number lies before it ("# SMP"), and a
// kernel may hold formats ("Linux version %s") and other texts beginning so.
const (
	bannerStart = "Linux version "
	maxBanner   = 1024
	maxRelease  = 64 // __NEW_UTS_LEN
)

// banner returns the banner with a build number, else the first with a release.
func (k *kernel) banner() (banner, release string) {
	for _, a := range k.areas {
		b := a.data
		for {
			i := bytes.Index(b, []byte(bannerStart))
			if i < 0 {
				break
			}
			text, rel := readBanner(b[i:])
			b = b[i+len(bannerStart):]
			if len(rel) == 0 {
				continue
			}
			if banner == "" {
				banner, release = string(text), string(rel)
			}
			if numbered(text) {
				return string(text), string(rel)
			}
		}
		if banner != "" {
			break
		}
	}
	return banner, release
}

// readBanner reads the line at b and its release word; rel is empty when it is
// no release: not printable, not beginning with a digit, a format.
func readBanner(b []byte) (text, rel []byte) {
	b = b[:min(len(b), maxBanner)]
	end := bytes.IndexAny(b, "\n\x00")
	if end < 0 {
		return nil, nil
	}
	text = b[:end]
	rel, _, _ = bytes.Cut(text[len(bannerStart):], []byte(" "))
	if len(rel) == 0 || len(rel) > maxRelease || rel[0] < '0' || rel[0] > '9' {
		return nil, nil
	}
	for _, c := range rel {
		if c <= ' ' || c >= 0x7f || c == '%' || c == '/' {
			return nil, nil
		}
	}
	return text, rel
}

// numbered reports whether a banner has a build number: " #1 ".
func numbered(text []byte) bool {
	i := bytes.LastIndex(text, []byte(" #"))
	return i >= 0 && i+2 < len(text) && text[i+2] >= '0' && text[i+2] <= '9'
}
