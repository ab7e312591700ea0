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
	var out []NamedAbility
	for _, n := range a.named() {
		out = append(out, NamedAbility{n.name, *n.ability})
	}
	return out
}

// Set puts an ability by its name; one of another name is left out.
func (a *Abilities) Set(name string, to Ability) {
	for _, n := range a.named() {
		if n.name == name {
			*n.ability = to
		}
	}
}

type named struct {
	name    string
	ability *Ability
}

func (a *Abilities) named() []named {
	return []named{
		{AbilityModuleBTF, &a.ModuleBTF},
		{"allow-mismatch", &a.AllowMismatch},
		{AbilityDistilled, &a.Distilled},
		{"tag-order-check", &a.TagOrder},
		{"chain-length-check", &a.ChainLength},
		{AbilityKfuncMissing, &a.KfuncMissing},
		{AbilityDtorMissing, &a.DtorMissing},
		{"kfunc-proto-check", &a.KfuncProtoCheck},
		{"kfunc-duplicate-check", &a.KfuncDuplicate},
		{"max-kind", &a.MaxKind},
		{"header-size", &a.HeaderSize},
		{"ksym-name-len", &a.KsymNameLen},
		{"module-signatures", &a.SigModule},
	}
}
