package klog

import (
	"encoding/json"
	"strings"
)

// messageKeys are where collectors put a message: journald, dmesg -J, docker
// and CRI, Elastic, Loki and promtail, Splunk, Google and AWS.
var messageKeys = map[string]bool{"MESSAGE": true, "message": true, "msg": true, "log": true, "line": true, "_raw": true, "@message": true,
	"text": true, "textPayload": true, "body": true, "event": true, "short_message": true, "full_message": true, "content": true}

// learn keeps what a key says of its record.
func (r *Record) learn(key, value string) {
	switch key {
	case "caller", "_CALLER", "PRINTK_CALLER":
		if c, ok := caller(value); ok {
			r.Caller = c
		}
	case "_BOOT_ID", "boot_id":
		r.Boot = value
	case "time", "timestamp", "@timestamp", "_time", "_SOURCE_MONOTONIC_TIMESTAMP", "__REALTIME_TIMESTAMP", "ts":
		if len(value) < 48 {
			r.Time = value
		}
	}
}

// json takes the messages out of a line that holds JSON, whole or cut, behind
// whatever prefix: every string under a message's key, and every other string
// in which a message is found.
func (u *unframer) json(n int, s string, depth int) bool {
	at := jsonStart(s)
	if at < 0 {
		return false
	}
	meta := Record{Line: n, Boot: u.object.meta.Boot}
	var found []string
	tokens(s[at:], func(key, value string) {
		if messageKeys[key] || u.find(value) >= 0 || strings.HasPrefix(strings.TrimLeft(value, " "), "{\"") {
			found = append(found, value)
			return
		}
		meta.learn(key, value)
	})
	if len(found) == 0 {
		return false
	}
	if at > 0 { // a prefix's stamps and caller are the line's
		strip(s[:at], &meta)
	}
	emit := u.texts(depth)
	for _, text := range found {
		rec := meta
		rec.Text = text
		emit(rec)
	}
	return true
}

// jsonStart returns where an object or array of strings begins, -1 if none.
func jsonStart(s string) int {
	for i := 0; i+1 < len(s); i++ {
		if s[i] != '{' && s[i] != '[' {
			continue
		}
		j := i + 1
		for j < len(s) && (s[j] == ' ' || s[j] == '[' || s[j] == '{') {
			j++
		}
		if j < len(s) && s[j] == '"' {
			return i
		}
		i = j - 1 // none of the brackets between begins any
	}
	return -1
}

// tokens yields the strings and numbers of JSON with the key before them, ""
// for elements of an array. It goes on over damage, and a string that is cut
// off counts as far as it is present.
func tokens(s string, yield func(key, value string)) {
	key := ""
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case c == '"':
			text, next := jsonString(s, i)
			i = next
			for i < len(s) && s[i] == ' ' {
				i++
			}
			if i < len(s) && s[i] == ':' {
				key = text
				i++
				continue
			}
			yield(key, text)
			key = ""
		case c >= '0' && c <= '9' || c == '-':
			j := i
			for j < len(s) && strings.IndexByte("0123456789.eE+-", s[j]) >= 0 {
				j++
			}
			yield(key, s[i:j])
			i = j
		case c == '[' && key != "":
			if text, next, ok := byteArray(s, i); ok {
				yield(key, text)
				key, i = "", next
				continue
			}
			i++
		default:
			i++
		}
	}
}

// jsonString reads a string that begins at s[i]; next is behind it.
func jsonString(s string, i int) (text string, next int) {
	j := i + 1
	for j < len(s) && s[j] != '"' {
		if s[j] == '\\' {
			j++
		}
		j++
	}
	j = min(j, len(s))
	raw := s[i+1 : j]
	next = min(j+1, len(s))
	if strings.IndexByte(raw, '\\') < 0 {
		return raw, next
	}
	if err := json.Unmarshal([]byte(`"`+strings.ReplaceAll(raw, "\t", `\t`)+`"`), &text); err != nil {
		return backslashes(raw), next
	}
	return text, next
}

// byteArray reads "[66,80,70]", as journald writes what is not text.
func byteArray(s string, i int) (text string, next int, ok bool) {
	var b []byte
	n, seen := 0, false
	for j := i + 1; j < len(s); j++ {
		switch c := s[j]; {
		case c >= '0' && c <= '9':
			n, seen = n*10+int(c-'0'), true
			if n > 255 {
				return "", 0, false
			}
		case c == ' ':
		case (c == ',' || c == ']') && seen:
			b = append(b, byte(n))
			if n, seen = 0, false; c == ']' {
				return string(b), j + 1, true
			}
		default:
			return "", 0, false
		}
	}
	return "", 0, false
}

// object is a JSON object or an entry of the journal that spans lines: dmesg
// -J, journalctl -o json-pretty, export and verbose.
type object struct {
	meta Record // what its other fields say
	held []Record
}

// maxHeld bounds the messages of one entry that wait for its end.
const maxHeld = 16

// take reports whether a line is a field or a bracket of an entry.
func (o *object) take(n int, s string, yield func(Record)) bool {
	t := strings.TrimSpace(s)
	switch t {
	case "{", "}", "},", "[", "]", "],", "[{", "}]", "},{":
		o.flush(yield)
		return true
	case "":
		o.flush(yield)
		return false
	}
	key, value, ok := prettyField(t)
	if !ok {
		key, value, ok = exportField(t)
		if ok && (key == "__CURSOR" || key == "__REALTIME_TIMESTAMP") && len(o.held) > 0 {
			o.flush(yield)
		}
	}
	if !ok {
		o.flush(yield) // what is no field ends an entry
		return false
	}
	if messageKeys[key] {
		if len(o.held) == maxHeld {
			o.flush(yield)
		}
		o.held = append(o.held, Record{Line: n, Text: value})
		return true
	}
	o.meta.learn(key, value)
	return true
}

// flush yields the messages of the entry that ended.
func (o *object) flush(yield func(Record)) {
	for _, r := range o.held {
		r.Time, r.Caller, r.Boot = o.meta.Time, o.meta.Caller, o.meta.Boot
		yield(r)
	}
	o.held = o.held[:0]
	o.meta = Record{Boot: o.meta.Boot}
}

// prettyField reads `"key" : value,` which is all of a line.
func prettyField(t string) (key, value string, ok bool) {
	if len(t) < 5 || t[0] != '"' {
		return "", "", false
	}
	key, next := jsonString(t, 0)
	rest := strings.TrimLeft(t[next:], " ")
	if !strings.HasPrefix(rest, ":") || strings.ContainsAny(key, " \t") {
		return "", "", false
	}
	rest = strings.TrimSuffix(strings.TrimLeft(rest[1:], " "), ",")
	switch {
	case rest == "" || rest == "{" || rest == "[":
		return key, "", true
	case rest[0] == '"':
		value, end := jsonString(rest, 0)
		return key, value, end == len(rest)
	case rest[0] == '[':
		value, end, ok := byteArray(rest, 0)
		return key, value, ok && end == len(rest)
	}
	return key, rest, !strings.ContainsAny(rest, " \t{")
}

// exportField reads "KEY=value" of the journal: upper case, digits and
// underscores, more than one letter.
func exportField(t string) (key, value string, ok bool) {
	key, value, ok = strings.Cut(t, "=")
	if !ok || len(key) < 3 || len(key) > 64 {
		return "", "", false
	}
	for i := range len(key) {
		if c := key[i]; c != '_' && (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return "", "", false
		}
	}
	if key != "MESSAGE" && key != "PRIORITY" && !strings.Contains(key, "_") {
		return "", "", false
	}
	return key, value, true
}
