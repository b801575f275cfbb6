package auth

import "context"

// Shelf keeps the state of an Authority durably: values under a collection and a
// key. The server makes it of its store.
type Shelf interface {
	// Get gives a value; ok is false when there is none.
	Get(ctx context.Context, collection, key string) (value []byte, ok bool, err error)
	// Change runs fn in a serializable transaction, perhaps several times.
	Change(ctx context.Context, fn func(Drawer) error) error
	// List gives at most limit entries of a collection whose keys come after a key,
	// in the order of the keys.
	List(ctx context.Context, collection, after string, limit int) ([]Entry, error)
}

// Drawer is a Shelf within a change.
type Drawer interface {
	Get(collection, key string) (value []byte, ok bool, err error)
	// Put writes a value; nil removes it.
	Put(collection, key string, value []byte) error
}

// Entry is one value of a Shelf.
type Entry struct {
	Key   string
	Value []byte
}

// The collections. Keys of tokens are hashes, so that who reads the store has no
// token.
const (
	userShelf     = "auth/user"     // login name: User
	sessionShelf  = "auth/session"  // SHA-256 of the cookie in hex: session
	externalShelf = "auth/external" // SHA-256 of the cookie in hex: externalLogin
	triesShelf    = "auth/tries"    // hash of a login name, or an address: attempts
	clientShelf   = "auth/client"   // client id: Client
	tokenShelf    = "auth/token"    // SHA-256 of the token in hex: kept
	usedShelf     = "auth/used"     // hash of issuer and jti of an assertion: its end
	grantShelf    = "auth/grant"    // login name, "/" and an id: Grant
	codeShelf     = "auth/code"     // SHA-256 of the code: issued
	refreshShelf  = "auth/refresh"  // SHA-256 of the refresh token: renewal
	launchShelf   = "auth/launch"   // SHA-256 of the handle: launch
	keyShelf      = "auth/key"      // algorithm: the signing keys
)
