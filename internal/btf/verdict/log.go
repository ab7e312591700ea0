package verdict

import (
	"fmt"
	"strings"

	"kpkg-btf/internal/btf"
)

// refuse records a rule that is about no type. It returns false.
func (s *parser) refuse(name string, errno Errno, off uint32, text string) bool {
	s.res = Result{Errno: errno, Rule: name, Blob: s.which, Offset: off, Text: text}
	s.print(text)
	return false
}

// refuseAt is refuse for a message that names a type only by what it says, or
// says nothing; off counts from the record.
func (s *parser) refuseAt(name string, errno Errno, id, off uint32, text string) bool {
	pos := uint32(0)
	if id >= s.first && uint64(id-s.first) < uint64(len(s.index)) {
		pos = s.recordPos(id) + off
	}
	s.refuse(name, errno, pos, text)
	s.res.TypeID = id
	return false
}

// print adds one record of the log for each call of the kernel's
// bpf_verifier_vlog, which prints every fragment by itself.
func (s *parser) print(fragments ...string) {
	prefix := "BPF:"
	if s.p.LogSpace {
		prefix = "BPF: "
	}
	for _, f := range fragments {
		if f == "" && len(fragments) == 1 {
			return // nothing is said at all
		}
		s.res.Lines = append(s.res.Lines, prefix+strings.TrimRight(f, "\n"))
	}
}

// quiet reports whether messages about types and members are suppressed: from
// 6.3 for split BTF when a mismatch is allowed (__btf_verifier_log_type,
// btf_verifier_log_member).
func (s *parser) quiet() bool { return s.which == Split && s.p.WarnOnce && s.p.AllowMismatch }

// refuseType mirrors btf_verifier_log_type, and without details
// btf_verifier_log_basic.
func (s *parser) refuseType(t *record, rule string, errno Errno, off uint32, details bool, format string, args ...any) bool {
	text := fmt.Sprintf(format, args...)
	s.res = Result{Errno: errno, Rule: ruleOf(t.kind, rule), Blob: s.which, TypeID: s.id, Offset: t.pos + off, Text: text}
	head := fmt.Sprintf("[%d] %s %s", s.id, t.kind, s.printName(t.name))
	if !details {
		s.res.Subject = head
		if !s.quiet() {
			s.print(head, " ", text, "\n")
		}
		return false
	}
	parts := s.details(t)
	s.res.Subject = head + " " + strings.Join(parts, "")
	if !s.quiet() {
		s.print(append(append([]string{head + " "}, parts...), " ", text, "\n")...)
	}
	return false
}

// refuseMember mirrors btf_verifier_log_member in the first pass.
func (s *parser) refuseMember(t *record, i uint32, rule string, field uint32, format string, args ...any) bool {
	text := fmt.Sprintf(format, args...)
	name, ref, off := s.member(t, i)
	line := fmt.Sprintf("\t%s type_id=%d bits_offset=%d", s.printName(name), ref, off)
	if t.kflag {
		line = fmt.Sprintf("\t%s type_id=%d bitfield_size=%d bits_offset=%d", s.printName(name), ref, off>>24, off&0xffffff)
	}
	return s.refusePart(t, rule, recordHead+12*i+field, s.quiet(), line, text)
}

// refuseEntry mirrors btf_verifier_log_vsi in the first pass, which nothing
// suppresses.
func (s *parser) refuseEntry(t *record, i uint32, rule string, field uint32, text string) bool {
	ref, off, size := s.member(t, i)
	line := fmt.Sprintf("\t type_id=%d offset=%d size=%d", ref, off, size)
	return s.refusePart(t, rule, recordHead+12*i+field, false, line, text)
}

func (s *parser) refusePart(t *record, rule string, off uint32, quiet bool, line, text string) bool {
	s.res = Result{Errno: EINVAL, Rule: ruleOf(t.kind, rule), Blob: s.which, TypeID: s.id, Offset: t.pos + off, Text: text, Subject: line[1:]}
	if !quiet {
		s.print(line, " ", text, "\n")
	}
	return false
}

func ruleOf(k btf.Kind, rule string) string { return strings.ToLower(k.String()) + "." + rule }

// maxPrinted is BPF_VERIFIER_TMP_LOG_SIZE: the kernel formats no more of a
// fragment.
const maxPrinted = 1024

// printName is __btf_name_by_offset, cut to what can be printed.
func (s *parser) printName(off uint32) string {
	if off == 0 {
		return "(anon)"
	}
	if b, ok := s.str(off); ok {
		return string(b[:min(len(b), maxPrinted)])
	}
	return "(invalid-name-offset)"
}

// details are the fragments that the log_details of a kind prints.
func (s *parser) details(t *record) []string {
	switch t.kind {
	case btf.Int:
		d := s.word(t.extra)
		return []string{fmt.Sprintf("size=%d bits_offset=%d nr_bits=%d encoding=%s", t.size, d>>16&0xff, d&0xff, encodingName(d))}
	case btf.Array:
		return []string{fmt.Sprintf("type_id=%d index_type_id=%d nr_elems=%d", s.word(t.extra), s.word(t.extra[4:]), s.word(t.extra[8:]))}
	case btf.Fwd:
		if t.kflag {
			return []string{"union"}
		}
		return []string{"struct"}
	case btf.Struct, btf.Union, btf.Enum, btf.Enum64, btf.Datasec:
		return []string{fmt.Sprintf("size=%d vlen=%d", t.size, t.vlen)}
	case btf.FuncProto:
		return s.protoDetails(t)
	case btf.Var:
		return []string{fmt.Sprintf("type_id=%d linkage=%d", t.size, s.word(t.extra))}
	case btf.Float:
		return []string{fmt.Sprintf("size=%d", t.size)}
	case btf.DeclTag:
		return []string{fmt.Sprintf("type=%d component_idx=%d", t.size, int32(s.word(t.extra)))}
	}
	return []string{fmt.Sprintf("type_id=%d", t.size)}
}

// encodingName mirrors btf_int_encoding_str.
func encodingName(data uint32) string {
	switch data >> 24 & 0xf {
	case 0:
		return "(none)"
	case 1:
		return "SIGNED"
	case 2:
		return "CHAR"
	case 4:
		return "BOOL"
	}
	return "UNKN"
}

// maxProtoFragments bounds what is kept of a prototype's message; the kernel
// prints every parameter.
const maxProtoFragments = 64

func (s *parser) protoDetails(t *record) []string {
	out := []string{fmt.Sprintf("return=%d args=(", t.size)}
	arg := func(i uint32) (name, id uint32) { return s.word(t.extra[8*i:]), s.word(t.extra[8*i+4:]) }
	if t.vlen == 0 {
		return append(out, "void", ")")
	}
	if name, id := arg(0); t.vlen == 1 && id == 0 {
		return append(out, "vararg", ")")
	} else {
		out = append(out, fmt.Sprintf("%d %s", id, s.printName(name)))
	}
	for i := uint32(1); i < t.vlen && len(out) < maxProtoFragments; i++ {
		name, id := arg(i)
		if id == 0 && i == t.vlen-1 {
			out = append(out, ", vararg")
			break
		}
		out = append(out, fmt.Sprintf(", %d %s", id, s.printName(name)))
	}
	return append(out, ")")
}

// FailureLine is what a kernel logs after the messages of a refusal, the
// module's name in it (btf_module_notify); with a mismatch allowed, from 6.3,
// it is one line for the first refused module since boot.
func (p *Profile) FailureLine(module string, e Errno) string {
	if p.AllowMismatch && p.WarnOnce {
		return "Kernel module BTF mismatch detected, BTF debug info may be unavailable for some modules"
	}
	return fmt.Sprintf("failed to validate module [%s] BTF: %d", module, int(e))
}
