// Package klog reads a kernel's log out of whatever carried it to a person:
// dmesg in all its formats, the journal's, syslog files, consoles, containers,
// CI systems, JSON of any collector, mails and web pages. It is a pipeline of
// small values:
//
//	bytes -> lines (decode.go, split.go): UTF-16, CRLF, serial consoles, one piece at most maxPiece bytes
//	lines -> clean lines (clean.go): colours, backspaces, no-break spaces, HTML
//	clean lines -> texts (json.go, quoted.go): what JSON, the journal's export format, CSV hold
//	texts -> Record (forms.go): every known prefix taken off, what it says kept
//
// What a message is it does not know: Finder says where one begins, and that
// is where an unknown prefix ends.
package klog

import (
	"io"
	"strings"
)

// Record is one message of a log without what carried it.
type Record struct {
	Line   int    // of the input, from 1
	Text   string // the message, inner spaces as they are
	Time   string // the stamp nearest to the message, as it was written
	Caller string // "T312" (a task), "C0" (a CPU): CONFIG_PRINTK_CALLER; "" if the log has none
	Boot   string // the journal's boot id, "" if the log has none
}

// Finder returns where in a text a message that somebody knows begins, -1
// where none does.
type Finder func(text string) int

// maxNested bounds JSON in JSON.
const maxNested = 4

// Read yields the records of a log in their order and returns the number of
// lines. Memory does not grow with the input. The only error is that of r.
func Read(r io.Reader, find Finder, yield func(Record)) (lines int, err error) {
	u := &unframer{find: find, yield: yield}
	err = split(decode(r), func(n int, piece string) {
		lines = n
		if plain(piece) && find(piece) < 0 {
			u.object.flush(u.texts(0)) // what is no field ends an entry
			rec := Record{Line: n, Boot: u.object.meta.Boot}
			rec.Text = strip(piece, &rec)
			yield(rec)
			return
		}
		u.line(n, clean(piece), 0)
	})
	u.object.flush(u.texts(0))
	return lines, err
}

// plain reports whether a line holds nothing that any stage could take out, put
// together again (logcat's padded tags) or read as a field: what is not found
// in it as it stands is not in it.
func plain(s string) bool {
	for i := range len(s) {
		if !plainBytes[s[i]] || s[i] == ':' && i > 0 && (s[i-1] == ' ' || s[i-1] == ')') {
			return false
		}
	}
	return s != ""
}

var plainBytes = func() (t [256]bool) {
	for c := ' '; c < 0x7f; c++ {
		t[c] = !strings.ContainsRune("\"&<\\^#={}", c)
	}
	t['\t'] = true
	return t
}()

// unframer takes lines apart. Between lines it holds only what one JSON
// object or journal entry that spans lines has said so far.
type unframer struct {
	find   Finder
	yield  func(Record)
	object object
}

func (u *unframer) line(n int, s string, depth int) {
	if depth >= maxNested {
		u.yield(Record{Line: n, Text: s})
		return
	}
	if u.object.take(n, s, u.texts(depth)) {
		return
	}
	if u.json(n, s, depth) {
		return
	}
	rec := Record{Line: n, Boot: u.object.meta.Boot}
	rec.Text = strip(s, &rec)
	if i := u.find(rec.Text); i != 0 {
		if inner, ok := quoted(rec.Text, i); ok {
			u.texts(depth)(Record{Line: n, Text: inner, Time: rec.Time, Caller: rec.Caller, Boot: rec.Boot})
			return
		}
		if i > 0 {
			callerIn(rec.Text[:i], &rec)
			rec.Text = rec.Text[i:]
		}
	}
	rec.Text = unescape(rec.Text)
	u.yield(rec)
}

// texts returns what a text found within a line becomes: each of its own
// lines is looked at as if it stood alone, with what its surroundings said.
func (u *unframer) texts(depth int) func(Record) {
	return func(outer Record) {
		for part := range strings.SplitSeq(strings.TrimRight(outer.Text, "\r\n"), "\n") {
			inner := &unframer{find: u.find, yield: func(r Record) {
				if r.Time == "" {
					r.Time = outer.Time
				}
				if r.Caller == "" {
					r.Caller = outer.Caller
				}
				if r.Boot == "" {
					r.Boot = outer.Boot
				}
				u.yield(r)
			}}
			inner.line(outer.Line, clean(part), depth+1)
			inner.object.flush(inner.texts(depth + 1))
		}
	}
}

// unescape undoes what /dev/kmsg and rsyslog write for a tab; not every reader
// of theirs does.
func unescape(s string) string {
	if !strings.ContainsAny(s, `\#`) {
		return s
	}
	return tabs.Replace(s)
}

var tabs = strings.NewReplacer(`\x09`, "\t", `\t`, "\t", "#011", "\t")
