package decision

import (
	"kpkg-btf/internal/document"
	"kpkg-btf/internal/model"
)

// Is reports whether a text begins as a decision document does.
func Is(text []byte) bool { return document.Is(text, model.DecisionSchema) }

// Read reads a decision document, by the rules of document.Unmarshal; one that
// contradicts itself is Malformed.
func Read(text []byte) (*model.Report, error) {
	rep := &model.Report{}
	if _, err := document.Unmarshal(text, model.DecisionSchema, rep); err != nil {
		return nil, err
	}
	if err := Validate(rep); err != nil {
		return nil, err
	}
	return rep, nil
}
