//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// What the page of a release of 4000 modules may weigh, and how long a browser
// may take until something is to be seen, the best of three.
const (
	pageBytes  = 2_000_000
	firstPaint = time.Second
)

// page looks at the HTML report of a pair as tidy reads it and Chromium shows it:
// nothing is loaded or refused, it is fast, the filter filters, it is dark where the
// reader's machine is, it prints. KPKG_BTF_SHOTS names a folder for pictures.
func (p *pair) page(t *testing.T, file string) {
	info, err := os.Stat(file)
	if err != nil || info.Size() > pageBytes {
		t.Fatalf("page: %v, %d bytes", err, info.Size())
	}
	// tidy ends with 1 for warnings, with 2 for what is no HTML.
	if out, err := exec.Command("tidy", "-errors", "-quiet", file).CombinedOutput(); err != nil && !strings.Contains(err.Error(), "exit status 1") {
		t.Errorf("tidy: %v\n%s", err, out)
	}
	b := startBrowser(t)
	best := time.Hour
	for range 3 {
		b.open(file)
		best = min(best, time.Duration(b.number(`performance.getEntriesByType("paint")[0].startTime*1000`))*time.Microsecond)
	}
	t.Logf("page of pair %s: %d bytes, first paint after %v", p.name, info.Size(), best)
	if best > firstPaint {
		t.Errorf("first paint after %v", best)
	}
	if len(b.complaints) > 0 || len(b.requests) != 3 {
		t.Errorf("complaints %q, requests %q", b.complaints, b.requests)
	}
	b.shot("light-" + p.name)
	const rows = `document.querySelectorAll(".list tbody tr:not([hidden])").length`
	all := b.number(rows)
	if all < p.modules {
		t.Errorf("%d rows", all)
	}
	// By keyboard alone: to the filter, type, and the list opens.
	b.eval(`document.querySelector(".filter input").focus()`)
	for _, c := range "nf_conntrack.ko" {
		b.call("Input.insertText", map[string]any{"text": string(c)})
	}
	visible := b.number(`Array.from(document.querySelectorAll(".list tbody:not([hidden]) tr:not([hidden])")).filter(r => r.cells[0].tagName === "TD").length`)
	open := b.number(`document.querySelector(".list details").open ? 1 : 0`)
	if visible != 1 || open != 1 {
		t.Errorf("the filter leaves %d modules, open %d", visible, open)
	}
	b.shot("filtered-" + p.name)
	const paper = `Number(getComputedStyle(document.body).backgroundColor.match(/\d+/)[0])`
	light := b.number(paper)
	b.call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": "dark"}}})
	if dark := b.number(paper); light < 200 || dark > 60 {
		t.Errorf("paper is %d in light and %d in dark", light, dark)
	}
	b.shot("dark-" + p.name)
	var pdf struct {
		Data []byte `json:"data"`
	}
	b.into(&pdf, "Page.printToPDF", nil)
	if !bytes.HasPrefix(pdf.Data, []byte("%PDF-")) {
		t.Error("it does not print")
	}
	b.bare(file)
}

// bare looks at the page where neither script nor style run, as CI servers
// show it: everything is present.
func (b *browser) bare(file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		b.t.Fatal(err)
	}
	at := bytes.Index(text, []byte("<style>"))
	end := bytes.Index(text, []byte("</style>"))
	plain := filepath.Join(b.t.TempDir(), "plain.html")
	if err := os.WriteFile(plain, slices.Concat(text[:at], text[end:]), 0o644); err != nil {
		b.t.Fatal(err)
	}
	b.call("Emulation.setScriptExecutionDisabled", map[string]any{"value": true})
	b.open(plain)
	b.shot("bare")
	if n := b.number(`document.querySelectorAll("svg").length + document.querySelectorAll("table").length`); n < 4 {
		b.t.Errorf("%d tables and pictures without script and style", n)
	}
	if !strings.Contains(b.eval(`document.body.innerText.slice(0, 400)`), "could not have kept the name") {
		b.t.Error("the verdict is not to be read without script and style")
	}
}

// browser is a headless Chromium, spoken to over its debugging pipe.
type browser struct {
	t          *testing.T
	to         *os.File
	from       *bufio.Reader
	session    string
	last       int
	complaints []string
	requests   []string
	loaded     bool
}

func startBrowser(t *testing.T) *browser {
	t.Helper()
	program, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal("chromium is not installed: testdata/real/deps.sh e2e")
	}
	theirIn, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	from, theirOut, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
		"--remote-debugging-pipe", "--window-size=1280,1600", "--user-data-dir="+t.TempDir())
	cmd.ExtraFiles = []*os.File{theirIn, theirOut}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	theirIn.Close()
	theirOut.Close()
	b := &browser{t: t, to: to, from: bufio.NewReader(from)}
	t.Cleanup(func() {
		to.Close() // it ends when nobody speaks to it any more
		_ = cmd.Wait()
		from.Close()
	})
	var target struct {
		ID string `json:"targetId"`
	}
	b.into(&target, "Target.createTarget", map[string]any{"url": "about:blank"})
	var session struct {
		ID string `json:"sessionId"`
	}
	b.into(&session, "Target.attachToTarget", map[string]any{"targetId": target.ID, "flatten": true})
	b.session = session.ID
	for _, domain := range []string{"Page", "Network", "Log", "Runtime"} {
		b.call(domain+".enable", nil)
	}
	return b
}

// message is what the browser says: an answer, or an event.
type message struct {
	ID     int             `json:"id"`
	Method string          `json:"method"`
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Message string `json:"message"`
	} `json:"error"`
	Params struct {
		Request struct {
			URL string `json:"url"`
		} `json:"request"`
		Entry struct {
			Text string `json:"text"`
		} `json:"entry"`
		Details struct {
			Text string `json:"text"`
		} `json:"exceptionDetails"`
	} `json:"params"`
}

// next reads one message and remembers what events say.
func (b *browser) next() *message {
	text, err := b.from.ReadBytes(0)
	if err != nil {
		b.t.Fatalf("chromium: %v", err)
	}
	m := &message{}
	if err := json.Unmarshal(text[:len(text)-1], m); err != nil {
		b.t.Fatal(err)
	}
	switch m.Method {
	case "Network.requestWillBeSent":
		b.requests = append(b.requests, m.Params.Request.URL)
	case "Log.entryAdded":
		b.complaints = append(b.complaints, m.Params.Entry.Text)
	case "Runtime.exceptionThrown":
		b.complaints = append(b.complaints, m.Params.Details.Text)
	case "Page.loadEventFired":
		b.loaded = true
	}
	return m
}

func (b *browser) call(method string, params map[string]any) json.RawMessage {
	b.last++
	ask := map[string]any{"id": b.last, "method": method, "params": params}
	if params == nil {
		ask["params"] = struct{}{}
	}
	if b.session != "" {
		ask["sessionId"] = b.session
	}
	text, err := json.Marshal(ask)
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := b.to.Write(append(text, 0)); err != nil {
		b.t.Fatal(err)
	}
	for {
		if m := b.next(); m.ID == b.last {
			if m.Error != nil {
				b.t.Fatalf("%s: %s", method, m.Error.Message)
			}
			return m.Result
		}
	}
}

func (b *browser) into(v any, method string, params map[string]any) {
	if err := json.Unmarshal(b.call(method, params), v); err != nil {
		b.t.Fatal(err)
	}
}

// open shows a file, and waits until it is there and was painted.
func (b *browser) open(file string) {
	b.loaded = false
	b.call("Page.navigate", map[string]any{"url": "file://" + file})
	for !b.loaded {
		b.next()
	}
	b.call("Page.captureScreenshot", nil)
}

func (b *browser) eval(expression string) string {
	var r struct {
		Result struct {
			Value any `json:"value"`
		} `json:"result"`
	}
	b.into(&r, "Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true})
	if f, ok := r.Result.Value.(float64); ok {
		return fmt.Sprint(int(f))
	}
	return fmt.Sprint(r.Result.Value)
}

func (b *browser) number(expression string) int {
	n := 0
	if _, err := fmt.Sscan(b.eval(expression), &n); err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return n
}

// shot keeps a picture of what is to be seen, where somebody asked for it.
func (b *browser) shot(name string) {
	dir := os.Getenv("KPKG_BTF_SHOTS")
	if dir == "" {
		return
	}
	var r struct {
		Data string `json:"data"`
	}
	b.into(&r, "Page.captureScreenshot", nil)
	data, err := base64.StdEncoding.DecodeString(r.Data)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), data, 0o644); err != nil {
		b.t.Fatal(err)
	}
}
