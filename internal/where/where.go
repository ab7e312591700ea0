// Package where is the one error type of the program: what went wrong, in
// which package, member, section and at which offset, and what to do about it.
package where

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Kind says what class of failure an error is; the command line maps it to an
// exit code in one table.
type Kind uint8

const (
	// Internal is a fault of this program.
	Internal Kind = iota
	// Usage is a wrong command line or policy file.
	Usage
	// IO is a failure of the machine: a file that cannot be read or written.
	IO
	// Malformed is input that contradicts its own format.
	Malformed
	// Unsupported is input of a valid format this program does not read.
	Unsupported
	// Limit is input that wants more than the budget allows.
	Limit
	// Inconclusive is a question the inputs cannot answer.
	Inconclusive
)

var kindNames = [...]string{"internal", "usage", "io", "malformed", "unsupported", "limit", "inconclusive"}

func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// Error is a failure with the path to it. Steps are outermost first: package,
// member, section. Off is a byte offset within the last step, or -1.
type Error struct {
	Kind  Kind
	Steps []string
	Off   int64
	Msg   string
	Hint  string
	// Excerpt are lines of the input that show the place, "" for none.
	Excerpt string
	Err     error
}

// New makes an error without a path; a %w verb keeps its operand as the cause.
func New(kind Kind, format string, args ...any) *Error {
	wrapped := fmt.Errorf(format, args...)
	return &Error{Kind: kind, Off: -1, Msg: wrapped.Error(), Err: errors.Unwrap(wrapped)}
}

// At gives the error a byte offset within its innermost step.
func (e *Error) At(off int64) *Error {
	e.Off = off
	return e
}

// WithHint says what the user can do about it.
func (e *Error) WithHint(format string, args ...any) *Error {
	e.Hint = fmt.Sprintf(format, args...)
	return e
}

// WithExcerpt adds the lines of a text input that show the place.
func (e *Error) WithExcerpt(lines string) *Error {
	e.Excerpt = lines
	return e
}

// Error renders "package: member: section+0xoff: message" in one line. Bytes
// that a terminal would act upon are escaped.
func (e *Error) Error() string {
	var b strings.Builder
	for i, s := range e.Steps {
		b.WriteString(Clean(s))
		if i == len(e.Steps)-1 && e.Off >= 0 {
			fmt.Fprintf(&b, "+0x%x", e.Off)
		}
		b.WriteString(": ")
	}
	if len(e.Steps) == 0 && e.Off >= 0 {
		fmt.Fprintf(&b, "at 0x%x: ", e.Off)
	}
	b.WriteString(Clean(e.Msg))
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

// In puts one outer step before the path of err. An error of another type
// becomes an *Error: file system errors are IO, the rest is kept as Internal.
// Nil stays nil. The given error is not changed.
func In(step string, err error) error {
	if err == nil {
		return nil
	}
	var e *Error
	if !errors.As(err, &e) {
		e = &Error{Kind: kindOf(err), Off: -1, Msg: err.Error(), Err: err}
	}
	out := *e
	out.Steps = append([]string{step}, e.Steps...)
	return &out
}

func kindOf(err error) Kind {
	var pe *fs.PathError
	if errors.As(err, &pe) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return IO
	}
	return Internal
}

// KindOf returns the kind of an error that may be wrapped; file system errors
// are IO and anything unknown is Internal.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return kindOf(err)
}

// HintOf returns the hint of an error, or "".
func HintOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Hint
	}
	return ""
}

// ExcerptOf returns the excerpt of an error by line, or nil.
func ExcerptOf(err error) []string {
	var e *Error
	if !errors.As(err, &e) || e.Excerpt == "" {
		return nil
	}
	return strings.Split(e.Excerpt, "\n")
}

// Clean makes a string from an input safe for one line on a terminal: what is
// not UTF-8 and every Unsafe character is escaped, byte by byte.
func Clean(s string) string {
	clean := true
	for _, r := range s {
		if Unsafe(r) {
			clean = false
			break
		}
	}
	if clean {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if Unsafe(r) {
			for _, c := range []byte(s[i : i+n]) {
				fmt.Fprintf(&b, `\x%02x`, c)
			}
		} else {
			b.WriteString(s[i : i+n])
		}
		i += n
	}
	return b.String()
}

// Unsafe reports whether a character can hide or disguise what stands around
// it, or cannot be seen itself: controls (C0, C1), bidirectional marks, what
// has no width, blanks other than the space, private and unassigned ones, and
// the replacement character. Text, JSON and HTML all ask here.
func Unsafe(r rune) bool {
	if r < utf8.RuneSelf {
		return r < 0x20 || r == 0x7f
	}
	return !unicode.IsPrint(r) || r == utf8.RuneError || r == blankBraille ||
		unicode.In(r, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point)
}

const blankBraille = '\u2800' // a symbol by its category, a blank by its look
