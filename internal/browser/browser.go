// Package browser drives a headless Chromium for tests, by its DevTools protocol
// over two pipes: what a person with a keyboard does, and what a screen reader is
// told. It knows only what the tests of pages need.
package browser

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience is how long anything in the browser may take.
const patience = 60 * time.Second

// Page is a tab of a browser of its own.
type Page struct {
	t       testing.TB
	to      io.Writer
	session string

	mu      sync.Mutex
	next    int
	answers map[int]chan message
	log     []string
}

type message struct {
	ID     int             `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Message string `json:"message"`
	} `json:"error"`
}

// Open starts a browser until the test ends. Without one installed the test is
// skipped, unless VITALWIRE_REQUIRE_BROWSER is set.
func Open(t testing.TB) *Page {
	t.Helper()
	program := ""
	for _, name := range []string{"chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			program = path
			break
		}
	}
	if program == "" {
		if os.Getenv("VITALWIRE_REQUIRE_BROWSER") != "" {
			t.Fatal("there is no Chromium")
		}
		t.Skip("not tested: there is no Chromium")
	}
	fromUs, toThem, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	fromThem, toUs, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
		"--remote-debugging-pipe", "--user-data-dir="+t.TempDir(), "about:blank")
	command.ExtraFiles = []*os.File{fromUs, toUs} // descriptors 3 and 4 there
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	_, _ = fromUs.Close(), toUs.Close() // theirs now
	p := &Page{t: t, to: toThem, answers: map[int]chan message{}}
	read := make(chan struct{})
	go func() {
		defer close(read)
		p.read(fromThem)
	}()
	t.Cleanup(func() {
		_ = command.Process.Kill() // it keeps nothing
		_ = command.Wait()
		_ = toThem.Close()
		<-read
		_ = fromThem.Close()
	})
	var target struct {
		ID      string `json:"targetId"`
		Session string `json:"sessionId"`
	}
	p.call("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	p.call("Target.attachToTarget", map[string]any{"targetId": target.ID, "flatten": true}, &target)
	p.session = target.Session
	for _, domain := range []string{"Page", "Log", "Runtime", "Accessibility"} {
		p.call(domain+".enable", nil, nil)
	}
	return p
}

// read takes answers and events, each ended by a zero byte.
func (p *Page) read(from io.Reader) {
	in := bufio.NewReaderSize(from, 1<<20)
	for {
		data, err := in.ReadBytes(0)
		if err != nil {
			return
		}
		var m message
		if json.Unmarshal(bytes.TrimRight(data, "\x00"), &m) != nil {
			continue
		}
		p.mu.Lock()
		switch {
		case m.ID != 0:
			if answer := p.answers[m.ID]; answer != nil {
				answer <- m
			}
		case m.Method == "Log.entryAdded" || m.Method == "Runtime.exceptionThrown":
			p.log = append(p.log, string(m.Params))
		}
		p.mu.Unlock()
	}
}

// call sends a command and waits for its answer.
func (p *Page) call(method string, params any, into any) {
	p.t.Helper()
	answer := make(chan message, 1)
	p.mu.Lock()
	p.next++
	id := p.next
	p.answers[id] = answer
	p.mu.Unlock()
	request := map[string]any{"id": id, "method": method}
	if params != nil {
		request["params"] = params
	}
	if p.session != "" {
		request["sessionId"] = p.session
	}
	data, err := json.Marshal(request)
	if err != nil {
		p.t.Fatal(err)
	}
	if _, err := p.to.Write(append(data, 0)); err != nil {
		p.t.Fatalf("%s: %v", method, err)
	}
	select {
	case m := <-answer:
		if m.Error != nil {
			p.t.Fatalf("%s: %s", method, m.Error.Message)
		}
		if into != nil {
			if err := json.Unmarshal(m.Result, into); err != nil {
				p.t.Fatalf("%s: %v", method, err)
			}
		}
	case <-time.After(patience):
		p.t.Fatalf("%s: no answer", method)
	}
}

// Go loads a page and waits until its address has a text.
func (p *Page) Go(url, arrives string) {
	p.t.Helper()
	p.call("Page.navigate", map[string]any{"url": url}, nil)
	p.Wait(arrives)
}

// Wait waits until a page with a text in its address is loaded.
func (p *Page) Wait(address string) {
	p.t.Helper()
	p.Until(fmt.Sprintf("location.href.includes(%q)", address))
}

// Until waits until a page is loaded of which an expression is true.
func (p *Page) Until(expression string) {
	p.t.Helper()
	for deadline := time.Now().Add(patience); p.Eval("document.readyState == 'complete' && !!("+expression+")") != "true"; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			p.t.Fatalf("%s never comes true; the browser is at %s:\n%s\n%s", expression, p.Eval("location.href"), p.Eval("document.body.innerText"), strings.Join(p.Log(), "\n"))
		}
	}
}

// Eval gives the value of an expression in the page as text. A page that is just
// being left gives "".
func (p *Page) Eval(expression string) string {
	p.t.Helper()
	var answer struct {
		Result struct {
			Value any `json:"value"`
		} `json:"result"`
	}
	p.call("Runtime.evaluate", map[string]any{"expression": "(() => { try { return String(" + expression + ") } catch (e) { return '' } })()", "returnByValue": true}, &answer)
	text, _ := answer.Result.Value.(string)
	return text
}

// keys are those that the tests press.
var keys = map[string]struct {
	code int
	text string
}{"Tab": {9, ""}, "Enter": {13, "\r"}, " ": {32, " "}}

// Press presses keys: Tab, Enter or " ".
func (p *Page) Press(names ...string) {
	p.t.Helper()
	for _, name := range names {
		key, known := keys[name]
		if !known {
			p.t.Fatalf("no key %q", name)
		}
		down := map[string]any{"type": "keyDown", "key": name, "code": name, "windowsVirtualKeyCode": key.code, "text": key.text}
		p.call("Input.dispatchKeyEvent", down, nil)
		p.call("Input.dispatchKeyEvent", map[string]any{"type": "keyUp", "key": name, "code": name, "windowsVirtualKeyCode": key.code}, nil)
	}
}

// Type types a text where the focus is.
func (p *Page) Type(text string) {
	p.t.Helper()
	p.call("Input.insertText", map[string]any{"text": text}, nil)
}

// Narrow makes the window so many CSS pixels wide.
func (p *Page) Narrow(width int) {
	p.t.Helper()
	p.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": true}, nil)
}

// Node is what a screen reader is told of a part of the page.
type Node struct{ Role, Name string }

// Told is what a screen reader is told of all that can have the focus or is a
// heading or a landmark, in order.
func (p *Page) Told() []Node {
	p.t.Helper()
	type value struct {
		Value any `json:"value"`
	}
	var tree struct {
		Nodes []struct {
			Ignored    bool  `json:"ignored"`
			Role       value `json:"role"`
			Name       value `json:"name"`
			Properties []struct {
				Name  string `json:"name"`
				Value value  `json:"value"`
			} `json:"properties"`
		} `json:"nodes"`
	}
	p.call("Accessibility.getFullAXTree", nil, &tree)
	var list []Node
	for _, n := range tree.Nodes {
		role := fmt.Sprint(n.Role.Value)
		wanted := role == "heading" || role == "main" || role == "navigation" || role == "alert" || role == "status"
		for _, property := range n.Properties {
			wanted = wanted || property.Name == "focusable" && property.Value.Value == true && role != "RootWebArea"
		}
		if !n.Ignored && wanted {
			name, _ := n.Name.Value.(string)
			list = append(list, Node{role, name})
		}
	}
	return list
}

// Log is what the browser complained about since the last call, such as breaches of
// a page's policy.
func (p *Page) Log() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := p.log
	p.log = nil
	return list
}
