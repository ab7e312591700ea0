package explain

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"math/rand"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"

	"kpkg-btf/internal/model"
)

// The two refusals that every form is tried with: one of a type, whose
// details stand in a line of their own, one of a member, with a tab.
var twoRefusals = []string{
	"BPF: [131402] STRUCT nfig", "BPF: size=24 vlen=3", "BPF: ", "BPF: Invalid name", "BPF: ", "failed to validate module [dm_crypt] BTF: -22",
	"BPF: \trimary type_id=66 bits_offset=904", "BPF:  ", "BPF: Invalid name", "BPF: ", "failed to validate module [exfat] BTF: -22",
}

// carry is one way in which a log reaches a person: all of its lines as one text.
type carry struct {
	name string
	text func(msgs []string) string
}

// each writes every message behind a prefix.
func each(prefix func(i int) string) func([]string) string {
	return func(msgs []string) string {
		var b strings.Builder
		for i, m := range msgs {
			fmt.Fprintf(&b, "%s%s\n", prefix(i), m)
		}
		return b.String()
	}
}

func constant(s string) func([]string) string { return each(func(int) string { return s }) }

// stamped is a log as dmesg writes it.
var stamped = each(func(i int) string { return fmt.Sprintf("[    9.%06d] ", 100000+7*i) })

func quotedJSON(s string) string {
	b, _ := json.Marshal(s) // a string always can
	return string(b)
}

// objects writes a JSON object a message.
func objects(format string) func([]string) string {
	return func(msgs []string) string {
		var b strings.Builder
		for i, m := range msgs {
			b.WriteString(strings.NewReplacer("MSG", quotedJSON(m), "NUM", strconv.Itoa(i)).Replace(format) + "\n")
		}
		return b.String()
	}
}

func utf16Of(s string, big bool) string {
	var b bytes.Buffer
	for _, u := range utf16.Encode([]rune("\ufeff" + s)) {
		if big {
			b.Write([]byte{byte(u >> 8), byte(u)})
		} else {
			b.Write([]byte{byte(u), byte(u >> 8)})
		}
	}
	return b.String()
}

func numbers(m string) string {
	var b []string
	for i := range len(m) {
		b = append(b, strconv.Itoa(int(m[i])))
	}
	return "[" + strings.Join(b, ",") + "]"
}

var carries = []carry{
	{"bare", constant("")},
	{"dmesg", stamped},
	{"dmesg, indented", constant("    [    9.100000] ")},
	{"dmesg -x", constant("kern  :err   : [    9.100000] ")},
	{"dmesg -r", constant("<3>[    9.100000] ")},
	{"dmesg -T", constant("[Sat Sep  5 10:53:29 2026] ")},
	{"dmesg -T -x", constant("kern  :err   : [Sat Sep  5 10:53:29 2026] ")},
	{"dmesg -d", constant("[    9.100000 <    0.000007>] ")},
	{"dmesg -H", each(func(i int) string {
		if i == 0 {
			return "[Sep 5 10:53] "
		}
		return "[  +0.001682] "
	})},
	{"dmesg -H, comma", constant("[  +0,001682] ")},
	{"dmesg --time-format iso", constant("2026-09-05T10:53:29,100000+02:00 ")},
	{"dmesg with callers", constant("[    9.100000][  T312] ")},
	{"dmesg with callers apart", constant("[    9.100000] [    C0] ")},
	{"dmesg --color", func(m []string) string {
		return strings.ReplaceAll(each(func(int) string { return "\x1b[32m[    9.100000] \x1b[0m" })(m), "BPF:", "\x1b[33mBPF\x1b[0m:")
	}},
	{"colours by cat -v", func(m []string) string {
		return strings.ReplaceAll(constant("^[[32m[    9.100000] ^[[0m")(m), "BPF:", "^[[33mBPF^[[0m:")
	}},
	{"dmesg -J", func(msgs []string) string {
		var items []string
		for i, m := range msgs {
			items = append(items, fmt.Sprintf("      {\n         \"pri\": 3,\n         \"time\": 9.%06d,\n         \"msg\": %s\n      }", 100000+i, quotedJSON(m)))
		}
		return "{\n   \"dmesg\": [\n" + strings.Join(items, ",\n") + "\n   ]\n}\n"
	}},
	{"/dev/kmsg", each(func(i int) string { return fmt.Sprintf("3,%d,9073165,-;", 1200+i) })},
	{"/dev/kmsg with callers", func(m []string) string {
		return strings.ReplaceAll(each(func(i int) string { return fmt.Sprintf("3,%d,9073165,-,caller=T312;", 1200+i) })(m), "\t", `\x09`)
	}},
	{"netconsole extended", each(func(i int) string { return fmt.Sprintf("3,%d,9073165,-,ncfrag=0/60;", 1200+i) })},
	{"netconsole with release", each(func(i int) string { return fmt.Sprintf("6.12.0,3,%d,9073165,-;", 1200+i) })},
	{"logcat", func(m []string) string {
		text := strings.ReplaceAll(constant("09-05 10:53:29.123     0     0 W         : ")(m), "W         : BPF:", "E BPF     :")
		return text
	}},
	{"logcat -v brief", func(m []string) string {
		return strings.ReplaceAll(constant("W/        (    0): ")(m), "W/        (    0): BPF:", "E/BPF     (    0):")
	}},
	{"journalctl", constant("May 06 11:02:33 desk kernel: ")},
	{"journalctl -o short-precise", constant("May 06 11:02:33.123456 desk kernel: ")},
	{"journalctl -o short-iso", constant("2026-05-06T11:02:33+0000 desk kernel: ")},
	{"journalctl -o short-full", constant("Wed 2026-05-06 11:02:33 UTC desk kernel: ")},
	{"journalctl -o short-monotonic", constant("[    9.100000] desk kernel: ")},
	{"journalctl -o short-unix", constant("1778058153.123456 desk kernel: ")},
	{"journalctl -o json", objects(`{"__REALTIME_TIMESTAMP":"1778058153","_HOSTNAME":"desk","PRIORITY":"3","MESSAGE":MSG,"_TRANSPORT":"kernel","_BOOT_ID":"0f1e"}`)},
	{"journalctl -o json, bytes", func(msgs []string) string {
		var b strings.Builder
		for _, m := range msgs {
			fmt.Fprintf(&b, `{"PRIORITY":"3","MESSAGE":%s,"_BOOT_ID":"0f1e"}`+"\n", numbers(m))
		}
		return b.String()
	}},
	{"journalctl -o json-sse", objects("data: {\"MESSAGE\":MSG}\n")},
	{"journalctl -o json-seq", objects("\x1e{\"MESSAGE\":MSG}")},
	{"journalctl -o json-pretty", objects("{\n\t\"PRIORITY\" : \"3\",\n\t\"MESSAGE\" : MSG,\n\t\"_BOOT_ID\" : \"0f1e\"\n}")},
	{"journalctl -o export", func(msgs []string) string {
		var b strings.Builder
		for i, m := range msgs {
			fmt.Fprintf(&b, "__CURSOR=s=1;i=%d\n_BOOT_ID=0f1e\nPRIORITY=3\nMESSAGE=%s\n_TRANSPORT=kernel\n\n", i, m)
		}
		return b.String()
	}},
	{"journalctl -o export, binary", func(msgs []string) string {
		var b strings.Builder
		for i, m := range msgs {
			fmt.Fprintf(&b, "__CURSOR=s=1;i=%d\n_BOOT_ID=0f1e\nMESSAGE\n%s%s\n_TRANSPORT=kernel\n\n", i, string([]byte{byte(len(m)), 0, 0, 0, 0, 0, 0, 0}), m)
		}
		return b.String()
	}},
	{"journalctl -o verbose", func(msgs []string) string {
		var b strings.Builder
		for i, m := range msgs {
			fmt.Fprintf(&b, "Wed 2026-05-06 11:02:33.123456 UTC [s=1;i=%d;b=0f1e]\n    _TRANSPORT=kernel\n    PRIORITY=3\n    MESSAGE=%s\n", i, m)
		}
		return b.String()
	}},
	{"syslog file", constant("May  6 11:02:33 desk kernel: [    9.100000] ")},
	{"rsyslog, ISO", constant("2026-05-06T11:02:33.123456+02:00 desk kernel: [    9.100000] ")},
	{"rsyslog, tabs escaped", func(m []string) string {
		return strings.ReplaceAll(constant("May  6 11:02:33 desk kernel: ")(m), "\t", "#011")
	}},
	{"RFC 3164", constant("<3>May  6 11:02:33 desk kernel: ")},
	{"RFC 5424", constant("<3>1 2026-05-06T11:02:33.123Z desk kernel - - - ")},
	{"RFC 5424, structured data", constant(`<3>1 2026-05-06T11:02:33.123Z desk kernel - - [meta sequenceId="1"] `)},
	{"busybox syslogd", constant("May  6 11:02:33 desk kern.err kernel: ")},
	{"systemd-cat", constant("May 06 11:02:33 desk cat[812]: ")},
	{"grep -n", each(func(i int) string { return fmt.Sprintf("%d:[    9.100000] ", 1200+i) })},
	{"grep -n of a file", each(func(i int) string { return fmt.Sprintf("/var/log/kern.log:%d:May  6 11:02:33 desk kernel: ", 1200+i) })},
	{"grep -r", constant("/var/log/kern.log:May  6 11:02:33 desk kernel: ")},
	{"cat -n", each(func(i int) string { return fmt.Sprintf("%6d\t[    9.100000] ", 1200+i) })},
	{"less -N", each(func(i int) string { return fmt.Sprintf("%7d [    9.100000] ", 1200+i) })},
	{"paste site", each(func(i int) string { return fmt.Sprintf("%d.   [    9.100000] ", 1200+i) })},
	{"docker compose", constant("node-1  | [    9.100000] ")},
	{"kubectl logs --prefix", constant("[pod/node-debug/shell] [    9.100000] ")},
	{"kubectl logs --timestamps", constant("2026-08-04T09:11:22.123456789Z [    9.100000] ")},
	{"CRI", constant("2026-08-04T09:11:22.123456789Z stdout F [    9.100000] ")},
	{"docker json-file", func(msgs []string) string {
		var b strings.Builder
		for _, m := range msgs {
			fmt.Fprintf(&b, `{"log":%s,"stream":"stdout","time":"2026-08-04T09:11:22.1Z"}`+"\n", quotedJSON("[    9.100000] "+m+"\n"))
		}
		return b.String()
	}},
	{"GitHub Actions", constant("2026-08-04T09:11:22.1234567Z [    9.100000] ")},
	{"gh run view --log", constant("boot\tRun tests\t2026-08-04T09:11:22.1234567Z [    9.100000] ")},
	{"GitLab CI", constant("2026-08-04T09:11:22.123456Z 01O [    9.100000] ")},
	{"GitLab CI section", func(m []string) string {
		return "section_start:1722762682:boot\r\x1b[0Kbooting\n" + stamped(m) + "section_end:1722762682:boot\r\x1b[0K\n"
	}},
	{"Jenkins", constant("[2026-08-04T09:11:22.123Z] [    9.100000] ")},
	{"Jenkins, time only", constant("09:11:22  [    9.100000] ")},
	{"mail", constant("> [    9.100000] ")},
	{"mail, twice", constant(">> [    9.100000] ")},
	{"mail, spaced", constant("> > [    9.100000] ")},
	{"diff", constant("+[    9.100000] ")},
	{"Markdown", func(m []string) string { return "```\n" + stamped(m) + "```\n" }},
	{"Markdown list", constant("- [    9.100000] ")},
	{"HTML", func(m []string) string { return "<pre>" + html.EscapeString(stamped(m)) + "</pre>\n" }},
	{"HTML, line breaks", func(m []string) string {
		return strings.ReplaceAll(strings.ReplaceAll(html.EscapeString(stamped(m)), " ", "&nbsp;"), "\n", "<br>\n")
	}},
	{"no-break spaces", func(m []string) string { return strings.ReplaceAll(stamped(m), " ", "\u00a0 ") }},
	{"no-break spaces alone", func(m []string) string { return strings.ReplaceAll(stamped(m), " ", "\u00a0") }},
	{"zero-width", func(m []string) string { return strings.ReplaceAll(stamped(m), "BPF", "B\u200bPF") }},
	{"CRLF", func(m []string) string { return strings.ReplaceAll(stamped(m), "\n", "\r\n") }},
	{"serial console", func(m []string) string { return strings.ReplaceAll(stamped(m), "\n", "\r\r\n") }},
	{"serial console, reversed", func(m []string) string { return "\r" + strings.ReplaceAll(stamped(m), "\n", "\n\r") }},
	{"script(1)", func(m []string) string {
		return "Script started on 2026-05-06 11:02:33+00:00\n\x1b]0;root@desk\x07\x1b[?2004hroot@desk:~# dmess\b \bg\r\n" + strings.ReplaceAll(stamped(m), "\n", "\r\n") + "\x1b[?2004l\r\nScript done\n"
	}},
	{"UTF-16", func(m []string) string { return utf16Of(stamped(m), false) }},
	{"UTF-16, big-endian", func(m []string) string { return utf16Of(stamped(m), true) }},
	{"Elastic", objects(`{"_index":"k","_source":{"host":"desk","message":MSG,"@timestamp":"2026-05-06T11:02:33Z"}}`)},
	{"Elastic, one line", func(msgs []string) string {
		var hits []string
		for _, m := range msgs {
			hits = append(hits, `{"_source":{"message":`+quotedJSON("[    9.1] "+m)+`}}`)
		}
		return `{"hits":{"hits":[` + strings.Join(hits, ",") + "]}}\n"
	}},
	{"Loki", func(msgs []string) string {
		var values []string
		for i, m := range msgs {
			values = append(values, fmt.Sprintf(`["17780581530000000%02d",%s]`, i, quotedJSON(m)))
		}
		return `{"status":"success","data":{"result":[{"stream":{"host":"desk"},"values":[` + strings.Join(values, ",") + "]}]}}\n"
	}},
	{"logcli", constant(`2026-05-06T11:02:33Z {host="desk", job="kernel"} [    9.100000] `)},
	{"logfmt", func(msgs []string) string {
		var b strings.Builder
		for _, m := range msgs {
			fmt.Fprintf(&b, "ts=2026-05-06T11:02:33Z level=err msg=%q host=desk\n", m)
		}
		return b.String()
	}},
	{"Splunk CSV", func(msgs []string) string {
		b := "\"_time\",host,\"_raw\"\n"
		for _, m := range msgs {
			b += `"2026-05-06T11:02:33.000+0000",desk,"[    9.100000] ` + m + "\"\n"
		}
		return b
	}},
	{"nobody's", constant("%% desk/7 ~ ")},
	{"Android kernel", constant("[    9.100000,0] ")},
	{"kgdb, minicom", constant("[2026-05-06 11:02:33.123] [    9.100000] ")},
}

// told is what of an event does not depend on how it was carried.
type told struct {
	Kind, Module string
	Errno        int
	Type         model.LoggedType
}

func toldOf(x *model.Explanation) []told {
	out := []told{}
	for i := range x.Events {
		e := &x.Events[i]
		t := told{e.Kind, e.Module, e.Errno, model.LoggedType{}}
		if e.Type != nil {
			t.Type = *e.Type
		}
		out = append(out, t)
	}
	return out
}

var twoTold = []told{
	{Refused, "dm_crypt", -22, model.LoggedType{ID: 131402, Kind: "STRUCT", Name: "nfig", Text: "Invalid name"}},
	{Refused, "exfat", -22, model.LoggedType{Kind: member, Name: "rimary", Text: "Invalid name"}},
}

// Every form holds both refusals, with their modules, rules and types.
func TestEveryForm(t *testing.T) {
	for _, c := range carries {
		x := explained(t, c.text(twoRefusals))
		if got := toldOf(x); !reflect.DeepEqual(got, twoTold) || len(x.Loose) != 0 {
			t.Errorf("%s: %+v, loose %v\n%s", c.name, got, x.Loose, c.text(twoRefusals)[:200])
		}
	}
}

// wrappers are put around the lines of a log that is carried already.
var wrappers = []func(string) string{
	func(s string) string { return prefixed(s, "> ") },
	func(s string) string { return prefixed(s, ">> ") },
	func(s string) string { return prefixed(s, "    ") },
	func(s string) string { return prefixed(s, "2026-08-04T09:11:22.1234567Z ") },
	func(s string) string { return prefixed(s, "node-1 | ") },
	func(s string) string { return prefixed(s, "May  6 11:02:33 desk kernel: ") },
	func(s string) string { return prefixed(s, "[2026-08-04T09:11:22.123Z] ") },
	func(s string) string { return prefixed(s, "\x1b[32m") },
	func(s string) string { return prefixed(s, "17:") },
	func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") },
	func(s string) string { return strings.ReplaceAll(s, "\n", "\x1b[0m\n") },
	func(s string) string { return "```\n" + s + "```\n" },
	func(s string) string { return "unrelated: a line before\n" + s + "and one after\n" },
	func(s string) string {
		var b strings.Builder
		for l := range strings.Lines(s) {
			fmt.Fprintf(&b, `{"log":%s,"stream":"stderr"}`+"\n", quotedJSON(l))
		}
		return b.String()
	},
}

func prefixed(s, by string) string {
	var b strings.Builder
	for l := range strings.Lines(s) {
		b.WriteString(by + l)
	}
	return b.String()
}

// Whatever stands around the lines of a log, in whatever order, the same
// events are found.
func TestFormsCompose(t *testing.T) {
	boot := readLines(t, "testdata/boot.log")
	logs := [][]string{twoRefusals, boot}
	var want [][]told
	for _, l := range logs {
		want = append(want, toldOf(explained(t, strings.Join(l, "\n"))))
	}
	if len(want[1]) != 13 {
		t.Fatalf("%d events", len(want[1]))
	}
	whole := map[string]bool{"UTF-16": true, "UTF-16, big-endian": true, "script(1)": true, "journalctl -o export, binary": true, "journalctl -o json-sse": true}
	rounds := 200
	if testing.Short() {
		rounds = 50
	}
	for seed := range rounds {
		rnd := rand.New(rand.NewSource(int64(seed)))
		n := rnd.Intn(len(logs))
		c := carries[rnd.Intn(len(carries))]
		text := c.text(logs[n])
		multi := strings.Count(text, "\n") > len(logs[n])+2 || strings.Count(text, "\n") < 3 || strings.HasPrefix(text, "{\n")
		if !whole[c.name] && !multi {
			for range rnd.Intn(4) {
				text = wrappers[rnd.Intn(len(wrappers))](text)
			}
		}
		if got := toldOf(explained(t, text)); !reflect.DeepEqual(got, want[n]) {
			t.Errorf("seed %d, %s: %d events, want %d\n%.400q\n%+v", seed, c.name, len(got), len(want[n]), text, got)
			if t.Failed() {
				return
			}
		}
	}
}

func readLines(t *testing.T, name string) []string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
}
