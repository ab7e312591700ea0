package verdict

import "kpkg-btf/internal/btf"

const maxChain = 32

// chains mirrors btf_check_type_tags (5.19 to 7.1) and
// btf_check_modifier_chain_length (7.2+). Ids up to good, the base's included,
// are trusted, yet the first trusted type of a chain is still looked at. The
// kernel compares the ids as unsigned: with a base of no types every id is
// trusted at first.
func (s *parser) chains(start uint32) bool {
	if s.p.Chain == ChainNone {
		return true
	}
	good, total := start-1, s.total()
	for i := start; i < total; i++ {
		kind, ref, ok := s.lookup(i)
		if !ok {
			return s.refuseAt("chain.dangling", EINVAL, i, 0, "")
		}
		if !kind.Modifier() {
			continue
		}
		if !s.chain(i, good, kind, ref) {
			return false
		}
		good = i
	}
	return true
}

func (s *parser) chain(id, good uint32, kind btf.Kind, ref uint32) bool {
	start, order, inTags, left := id, s.p.Chain == ChainOrder, kind == btf.TypeTag, maxChain
	for kind.Modifier() {
		if left == 0 {
			return s.refuseAt("chain.eloop", ELOOP, start, 8, "Max chain length or cycle detected")
		}
		left--
		if kind != btf.TypeTag {
			inTags = false
		} else if order && !inTags {
			return s.refuseAt("chain.order", EINVAL, start, 8, "Type tags don't precede modifiers")
		}
		if id <= good {
			return true
		}
		var ok bool
		id = ref
		if kind, ref, ok = s.lookup(id); !ok {
			return s.refuseAt("chain.dangling", EINVAL, start, 8, "")
		}
	}
	return true
}

// lookup is btf_type_by_id: the kind, and for an own type its size/type word.
func (s *parser) lookup(id uint32) (btf.Kind, uint32, bool) {
	if s.base != nil && id < s.first {
		return s.base.kinds[id], 0, true
	}
	if s.base == nil && id == 0 {
		return btf.Void, 0, len(s.index) != 0
	}
	n := id - s.first
	if uint64(n) >= uint64(len(s.index)) {
		return 0, 0, false
	}
	rec := s.types[s.index[n]:]
	return btf.Kind(s.word(rec[4:]) >> 24 & s.p.Masks.Kind), s.word(rec[8:]), true
}

// recordPos is the offset in the blob of the record with an own id.
func (s *parser) recordPos(id uint32) uint32 {
	return s.typesPos + s.index[id-s.first]
}
