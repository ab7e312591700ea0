package judge

import (
	"kpkg-btf/internal/btf/evidence"
	"kpkg-btf/internal/btf/verdict"
	"kpkg-btf/internal/kernel/ability"
	"kpkg-btf/internal/kimage"
	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/release"
	"kpkg-btf/internal/where"
)

// hostOf prepares a kernel, from its packages or from its manifest with the
// base beside it.
func hostOf(r *release.Release, o Options) (*host, error) {
	m, err := r.Record("")
	if err != nil {
		return nil, err
	}
	h := &host{r: r, m: m, reads: readsModuleBTF(m), loader: loaderOf(r, m, nil, o.Certificates, o.verifier)}
	if h.base, err = baseOf(r); err != nil || h.base == nil {
		return h, err
	}
	h.index = evidence.Index(h.base.raw)
	if r.BootImage() != nil {
		h.kernel, err = kernelOf(r)
		return h, err
	}
	h.kernel, err = recordedKernel(r, m, h.base.raw.Bytes())
	return h, err
}

// recordedKernel is the kernel of a manifest: what its image showed is
// recorded there. nil when it was recorded without an image.
func recordedKernel(r *release.Release, m *manifest.Manifest, base []byte) (*kernel, error) {
	if m.Image == nil || m.Image.BTFOnly {
		return nil, nil
	}
	facts := &kimage.Facts{Banner: m.Image.Banner}
	for _, a := range m.Abilities {
		facts.Abilities.Put(a.Name, ability.Fact{Is: a.Is, Value: a.Value, Evidence: a.Evidence})
	}
	k := &kernel{profile: profileOf(r.Name, facts, m.Config)}
	var err error
	if k.base, err = verdict.NewBase(&k.profile, base); err != nil {
		return nil, where.In(r.Name, err)
	}
	return k, nil
}
