package kimage

// Names of the abilities in documents.
const (
	AbilityModuleBTF    = "module-btf"
	AbilityDistilled    = "distilled-base"
	AbilityKfuncMissing = "kfunc-missing-fails"
	AbilityDtorMissing  = "dtor-missing-fails"
)

// NamedAbility is one ability with the name it has in documents.
type NamedAbility struct {
	Name string
	Ability
}

// List gives the abilities by name, in a fixed order.
func (a *Abilities) List() []NamedAbility {
	return []NamedAbility{
		{AbilityModuleBTF, a.ModuleBTF},
		{"allow-mismatch", a.AllowMismatch},
		{AbilityDistilled, a.Distilled},
		{"tag-order-check", a.TagOrder},
		{"chain-length-check", a.ChainLength},
		{AbilityKfuncMissing, a.KfuncMissing},
		{AbilityDtorMissing, a.DtorMissing},
		{"kfunc-proto-check", a.KfuncProtoCheck},
		{"kfunc-duplicate-check", a.KfuncDuplicate},
		{"max-kind", a.MaxKind},
		{"header-size", a.HeaderSize},
		{"ksym-name-len", a.KsymNameLen},
		{"module-signatures", a.SigModule},
	}
}
