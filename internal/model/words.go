package model

import "reflect"

// words are the spellings of the types that have a fixed set of them.
var words = map[reflect.Type][]string{
	reflect.TypeFor[Action]():    actionNames[:],
	reflect.TypeFor[Verdict]():   spell(Attached, Dropped, Rejected, InitFails, Inert, Blocked, VerdictUnknown),
	reflect.TypeFor[Meaning]():   spell(Same, Different, MeaningNone, MeaningUnknown),
	reflect.TypeFor[Missing]():   spell(NotMissing, Stripped, NoneExpected, Lost),
	reflect.TypeFor[Encounter](): spell(Self, Window, Reverse, Outside, Run),
	reflect.TypeFor[Severity]():  spell(Info, Warning, Error),
	reflect.TypeFor[Loads]():     spell(LoadsYes, LoadsNo, LoadsMaybe, LoadsUnknown),
	reflect.TypeFor[Equality]():  spell(Equal, Differs, NotKnownSame),
	reflect.TypeFor[Loads]():     spell(LoadsYes, LoadsNo, LoadsMaybe, LoadsUnknown),
}

func spell[T ~string](list ...T) []string {
	out := make([]string, len(list))
	for i, w := range list {
		out[i] = string(w)
	}
	return out
}

// Words are the spellings a document may hold for a type of this package, nil
// for a type whose text is free.
func Words(t reflect.Type) []string { return words[t] }
