package auth

import (
	"errors"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Most tests are not about how much a password costs to guess.
func TestMain(m *testing.M) {
	current = argon{memory: 64, passes: 1, lanes: 1}
	os.Exit(m.Run())
}

func TestPassword_Acceptable(t *testing.T) {
	for password, good := range map[string]bool{
		goodPassword:                     true,
		"correct horse battery staple":   true,
		"Pflaumenkuchen7":                true,
		"пароль из слов":                 true,
		"kT9#mW2$xQ7!":                   true,
		"":                               false,
		"short":                          false,
		"elevenchars":                    false,
		" blanks around it ":             false,
		"\xff\xfe\xfd not utf8 here":     false,
		strings.Repeat("ab7 q", 52):      false, // 260
		"aaaaaaaaaaaaaaaa":               false,
		"abcabcabcabcabc":                false,
		"123456789012":                   false,
		"987654321098":                   false,
		"qwertyuiop12":                   false,
		"1qaz2wsx3edc4rfv":               false,
		"password1234":                   false,
		"Password123!":                   false,
		"P@ssw0rd2026":                   false,
		"passwordpassword":               false,
		"iloveyou2026":                   false,
		"letmein123456":                  false,
		"adminadmin123":                  false,
		"Welcome2026!!":                  false,
		"Administrator1":                 false,
		"vitalwire2026":                  false,
		"hospital12345":                  false,
		"changemechangeme":               false,
		"aliceliddell":                   false,
		"aliceliddell123":                false,
		"alice@example.org":              false,
		"summer2026!!!":                  false,
		"trustno1trustno1":               false,
		"footballfootball":               false,
		strings.Repeat("long words ", 3): false,
	} {
		err := acceptable(password, "alice@example.org", "Alice Liddell")
		var known *UserError
		if (err == nil) != good || err != nil && !errors.As(err, &known) {
			t.Errorf("%q: %v", password, err)
		}
	}
	for range 200 {
		if err := acceptable(generated(), "alice"); err != nil {
			t.Error(err)
		}
	}
}

// RFC 9106: a password is kept as a PHC string of its own salt.
func TestPassword_Hash(t *testing.T) {
	defer func(was argon, hash string) { current, keptHash = was, hash }(current, keptHash)
	current, keptHash = owasp, ""
	nobody := phc(current, make([]byte, saltLength), make([]byte, keyLength))
	one, two := quickHash(t), ""
	var err error
	if two, err = hashPassword(t.Context(), goodPassword); err != nil || one == two {
		t.Fatalf("the same hash twice: %v", err)
	}
	if !strings.HasPrefix(one, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Error(one)
	}
	// A known answer of the reference implementation's command line.
	const known = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	for _, c := range []struct {
		hash, password string
		right, stale   bool
	}{
		{one, goodPassword, true, false},
		{one, goodPassword + " ", false, false},
		{one, "", false, false},
		{"", "", false, false},
		{nobody, "", false, false},
		{known, "password", true, true},
		{known, "Password", false, false},
	} {
		right, stale, err := verify(t.Context(), c.password, c.hash)
		if err != nil || right != c.right || stale != c.stale {
			t.Errorf("%q, %s: %v %v %v", c.password, c.hash, right, stale, err)
		}
	}
	for _, damaged := range []string{"x", "$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", "$argon2id$v=19$m=99999999,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
		"$argon2id$v=19$m=65536,t=0,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", "$argon2id$v=19$m=64,t=1,p=1$$", "$2a$10$abcdefghijklmnopqrstuv"} {
		if right, _, err := verify(t.Context(), "password", damaged); right || err == nil {
			t.Errorf("%s: %v %v", damaged, right, err)
		}
	}
}

// A password kept with other parameters is kept anew at the next login, and the
// session of another browser goes on.
func TestPassword_Rehash(t *testing.T) {
	p := people(t)
	b := p.browser(t)
	b.signIn("alice", goodPassword)
	p.change(t, func(u *User) {
		u.Hash = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	})
	b.signIn("alice", "password")
	other := p.browser(t)
	other.signIn("alice", "password")
	u, err := p.user(t.Context(), "alice")
	if err != nil || !strings.HasPrefix(u.Hash, "$argon2id$v=19$m=64,t=1,p=1$") {
		t.Errorf("%v %s", err, u.Hash)
	}
	for _, b := range []*browser{b, other} {
		if w := b.send("account", nil); w.Code != http.StatusOK {
			t.Errorf("signed out: %d", w.Code)
		}
	}
}

// E.3 OAuth: brute force. The wait grows from a second and is told; the right
// password does not help meanwhile, and another's login is none the worse for it.
func TestPeople_Lockout(t *testing.T) {
	for _, name := range []string{"alice", "nobody"} {
		p, asked := people(t), 0
		wrongOnes := func(n, want int) int {
			last := 0
			for range n {
				b := p.browser(t)
				asked++
				b.address = "203.0.113." + strconv.Itoa(asked) + ":1"
				w := b.signIn(name, "a wrong password "+strconv.Itoa(n))
				if w.Code != want {
					t.Fatalf("%s: %d, not %d: %s", name, w.Code, want, w.Body)
				}
				last, _ = strconv.Atoi(w.Header().Get("Retry-After"))
			}
			return last
		}
		wrongOnes(freeForName, http.StatusUnauthorized)
		for _, pause := range []int{1, 2, 4, 8} {
			if got := wrongOnes(3, http.StatusTooManyRequests); got != pause {
				t.Errorf("%s: Retry-After %d, not %d", name, got, pause)
			}
			if w := p.browser(t).signIn(name, goodPassword); w.Code != http.StatusTooManyRequests {
				t.Errorf("%s: the right password helps: %d", name, w.Code)
			}
			p.clock = p.clock.Add(time.Duration(pause) * time.Second)
			wrongOnes(1, http.StatusUnauthorized)
		}
		if w := p.browser(t).signIn("root", goodPassword); w.Code != http.StatusFound {
			t.Errorf("another user waits, too: %d", w.Code)
		}
		for range 30 {
			p.clock = p.clock.Add(longestWait)
			wrongOnes(1, http.StatusUnauthorized)
		}
		if got := wrongOnes(1, http.StatusTooManyRequests); got != int(longestWait/time.Second) {
			t.Errorf("%s: the longest wait is %d", name, got)
		}
		if name != "alice" {
			continue
		}
		p.clock = p.clock.Add(longestWait)
		if w := p.browser(t).signIn(name, goodPassword); w.Code != http.StatusFound {
			t.Errorf("after the wait: %d", w.Code)
		}
		wrongOnes(freeForName, http.StatusUnauthorized)
	}
}

// One address cannot try a password on everybody, and another address can sign in.
func TestPeople_Spraying(t *testing.T) {
	p := people(t)
	b := p.browser(t)
	refused := 0
	for i := range freeForAddress + 5 {
		if b.signIn("user"+strconv.Itoa(i), "a wrong password").Code == http.StatusTooManyRequests {
			refused++
		}
	}
	if refused != 5 {
		t.Errorf("%d refused", refused)
	}
	if w := b.signIn("alice", goodPassword); w.Code != http.StatusTooManyRequests {
		t.Errorf("the address goes on: %d", w.Code)
	}
	other := p.browser(t)
	other.address = "203.0.113.9:5000"
	if w := other.signIn("alice", goodPassword); w.Code != http.StatusFound {
		t.Errorf("another address: %d", w.Code)
	}
	p.clock = p.clock.Add(24 * time.Hour)
	if w := b.signIn("alice", goodPassword); w.Code != http.StatusFound {
		t.Errorf("a day later: %d", w.Code)
	}
}

// Many guesses at once are no more than one after the other.
func TestPeople_ParallelGuesses(t *testing.T) {
	p := people(t)
	var mu sync.Mutex
	judged := 0
	var all sync.WaitGroup
	for range 40 {
		b := p.browser(t)
		form := b.fill("login", "name", "alice", "password", "a wrong password")
		all.Go(func() {
			w := b.send("login", form)
			mu.Lock()
			defer mu.Unlock()
			if w.Code == http.StatusUnauthorized {
				judged++
			}
		})
	}
	all.Wait()
	if judged > freeForName {
		t.Errorf("%d guesses were judged", judged)
	}
}
