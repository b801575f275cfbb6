package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
)

// argon is how costly a guess is.
type argon struct {
	memory, passes uint32 // KiB, times
	lanes          uint8
}

// owasp is the least that OWASP's password storage cheat sheet asks of argon2id.
var owasp = argon{memory: 19 << 10, passes: 2, lanes: 1}

// current is what passwords are hashed with; tests of other things take less.
var current = owasp

// The bounds of what a kept hash may ask for, so that a damaged one costs little.
const (
	mostMemory = 256 << 10
	mostPasses = 16
	saltLength = 16
	keyLength  = 32
)

// hashing bounds how many passwords are hashed at once in this process: memory is
// what argon2id costs, and whoever sends logins must not exhaust it.
var hashing = make(chan struct{}, 4)

// errBusy is a server that is hashing all it can.
var errBusy = errors.New("auth: too many passwords are being checked")

// patience is how long a login waits for its turn.
const patience = 5 * time.Second

// derive runs argon2id when its turn comes.
func derive(ctx context.Context, password string, salt []byte, p argon, length uint32) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case hashing <- struct{}{}:
	case <-ctx.Done():
		return nil, errBusy
	}
	defer func() { <-hashing }()
	return argon2.IDKey([]byte(password), salt, p.passes, p.memory, p.lanes, length), nil
}

// hashPassword is a password as kept: a PHC string with a salt of its own.
func hashPassword(ctx context.Context, password string) (string, error) {
	salt := make([]byte, saltLength)
	rand.Read(salt)
	key, err := derive(ctx, password, salt, current, keyLength)
	if err != nil {
		return "", err
	}
	return phc(current, salt, key), nil
}

func phc(p argon, salt, key []byte) string {
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, p.memory, p.passes, p.lanes, b64(salt), b64(key))
}

// verify compares a password with a kept one. Stale is one that was right, and
// kept with other parameters than those of today. Without a hash, as of a user who
// is not there, it takes as long.
func verify(ctx context.Context, password, hash string) (right, stale bool, err error) {
	if hash == "" {
		_, _, err = verify(ctx, password, phc(current, make([]byte, saltLength), make([]byte, keyLength)))
		return false, false, err
	}
	p, salt, key, err := parsePHC(hash)
	if err != nil {
		return false, false, err
	}
	got, err := derive(ctx, password, salt, p, uint32(len(key)))
	if err != nil {
		return false, false, err
	}
	right = subtle.ConstantTimeCompare(got, key) == 1
	return right, right && p != current, nil
}

// parsePHC reads $argon2id$v=19$m=…,t=…,p=…$salt$key.
func parsePHC(text string) (p argon, salt, key []byte, err error) {
	damaged := errors.New("auth: a password as kept is damaged")
	parts := strings.Split(text, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return p, nil, nil, damaged
	}
	if n, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &p.memory, &p.passes, &p.lanes); err != nil || n != 3 {
		return p, nil, nil, damaged
	}
	salt, err1 := base64.RawStdEncoding.Strict().DecodeString(parts[4])
	key, err2 := base64.RawStdEncoding.Strict().DecodeString(parts[5])
	if errors.Join(err1, err2) != nil || len(salt) < 8 || len(key) < 16 || len(key) > 64 ||
		p.memory < 8 || p.memory > mostMemory || p.passes < 1 || p.passes > mostPasses || p.lanes < 1 {
		return p, nil, nil, damaged
	}
	return p, salt, key, nil
}

// newPassword checks and hashes what somebody wants as his password.
func (a *Authority) newPassword(ctx context.Context, u *User, password string) (string, error) {
	if err := acceptable(password, u.Name, u.Display); err != nil {
		return "", err
	}
	return hashPassword(ctx, password)
}

// The length of a password in characters (NIST SP 800-63B-4 asks for 15 without a
// second factor or 8 with one, and lets 64 and more be; length counts, not kinds of
// characters).
const (
	leastPassword = 12
	mostPassword  = 256
)

// acceptable says what is wrong with a password for somebody of these names.
func acceptable(password string, names ...string) error {
	n := utf8.RuneCountInString(password)
	switch {
	case !utf8.ValidString(password):
		return wrong("the password is not UTF-8")
	case n < leastPassword || n > mostPassword:
		return wrong("a password has %d to %d characters", leastPassword, mostPassword)
	case strings.TrimSpace(password) != password:
		return wrong("a password has no blanks around it")
	case guessable(password, names...):
		return wrong("that password is among the first that are guessed; three or four words that have nothing to do with each other are better")
	}
	return nil
}

// guessable reports whether little is left of a password without what everybody
// tries: the names, the most common words, what lies in a row, what repeats.
func guessable(password string, names ...string) bool {
	left := strings.ToLower(password)
	for _, name := range names {
		for _, word := range append(strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return strings.ContainsRune(" .@_+-", r) }), strings.ToLower(name)) {
			if utf8.RuneCountInString(word) > 2 {
				left = strings.ReplaceAll(left, word, "")
			}
		}
	}
	plain := strings.NewReplacer("0", "o", "1", "i", "3", "e", "4", "a", "5", "s", "7", "t", "@", "a", "$", "s", "!", "i").Replace(left)
	for _, word := range commonWords {
		if len(plain) == len(left) { // else letters no longer stand for each other
			for i := strings.Index(plain, word); i >= 0; i = strings.Index(plain, word) {
				plain, left = plain[:i]+plain[i+len(word):], left[:i]+left[i+len(word):]
			}
		}
	}
	return fresh(left) < 6
}

// fresh counts the characters that do not follow from those before: neither the
// same, nor the next of the alphabet or the keyboard, nor the same as a word ago.
func fresh(text string) int {
	const rows = "abcdefghijklmnopqrstuvwxyz 01234567890 qwertyuiop asdfghjkl zxcvbnm qwertzuiop yxcvbnm azertyuiop qsdfghjklm wxcvbn 1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p !@#$%^&*()"
	runes := []rune(text)
	n, seen := 0, map[rune]bool{}
	for i, r := range runes {
		follows := seen[r] && i >= 1 && repeats(runes[:i+1])
		if i > 0 {
			pair := string(runes[i-1 : i+1])
			back := string([]rune{runes[i], runes[i-1]})
			follows = follows || r == runes[i-1] || strings.Contains(rows, pair) || strings.Contains(rows, back)
		}
		if !follows && r != ' ' {
			n++
		}
		seen[r] = true
	}
	return n
}

// repeats reports whether the last two characters stand together earlier, too.
func repeats(runes []rune) bool {
	last := runes[len(runes)-2:]
	for i := 0; i+1 < len(runes)-2; i++ {
		if runes[i] == last[0] && runes[i+1] == last[1] {
			return true
		}
	}
	return false
}

// commonWords are what the lists of leaked passwords consist of mostly, longest
// first where one is in another; letters stand for the digits that look like them.
var commonWords = []string{
	"vitalwire", "administrator", "password", "passwort", "passwd", "motdepasse", "contrasena", "changeme", "letmein", "iloveyou", "welcome",
	"superman", "batman", "football", "baseball", "basketball", "princess", "sunshine", "trustnoi", "whatever", "starwars", "computer",
	"internet", "michael", "jennifer", "charlie", "monkey", "dragon", "master", "shadow", "freedom", "secret", "hospital", "doctor", "patient",
	"practitioner", "nurse", "health", "fhir", "smart", "default", "access", "qwerty", "qwertz", "azerty", "asdfgh", "zxcvbn", "google",
	"summer", "winter", "spring", "autumn", "january", "february", "october", "november", "december", "hello", "admin", "login", "guest",
	"test", "demo", "user", "root", "pass",
}

// generated is a password of 120 random bits that can be read aloud.
func generated() string {
	const letters = "abcdefghijkmnpqrstuvwxyz23456789" // 32, without what looks alike
	b := make([]byte, 24)
	rand.Read(b)
	var text strings.Builder
	for i, c := range b {
		if i > 0 && i%6 == 0 {
			text.WriteByte('-')
		}
		text.WriteByte(letters[c%32])
	}
	return text.String()
}

// GeneratePassword makes a password of 120 random bits, to be shown once.
func GeneratePassword() string { return generated() }
