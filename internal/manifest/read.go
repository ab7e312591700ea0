package manifest

import (
	"fmt"

	"kpkg-btf/internal/document"
)

// Read reads a manifest, by the rules of document.Unmarshal, compressed or not.
func Read(text []byte) (*Manifest, error) {
	text, err := Plain(text)
	if err != nil {
		return nil, err
	}
	w := &Document{}
	head, err := document.Unmarshal(text, Schema, w)
	if err != nil {
		return nil, err
	}
	m := w.Manifest
	m.Tool, m.digest = head.Tool, head.Digest
	if w.Lines == nil {
		return &m, nil
	}
	m.Modules = make([]Module, len(w.Lines))
	for i := range w.Lines {
		l := &w.Lines[i]
		m.Modules[i] = l.Module
		m.Modules[i].Vermagic = w.Vermagic
		if l.Own != nil {
			m.Modules[i].Vermagic = *l.Own
		}
		if l.By != nil {
			s := w.Signers[*l.By]
			m.Modules[i].Signer = &s
		}
		if l.Says != nil {
			d := w.Answers[*l.Says]
			m.Modules[i].Self = &d
		}
	}
	return &m, nil
}

// Fault implements the rules of contents.
func (w *Document) Fault() string {
	if msg := w.Manifest.Fault(); msg != "" {
		return msg
	}
	for i := range w.Lines {
		if by := w.Lines[i].By; by != nil && int64(*by) >= int64(len(w.Signers)) {
			return fmt.Sprintf("modules: %s: signer %d of %d", w.Lines[i].Path, *by, len(w.Signers))
		}
	}
	return w.selfFault()
}
