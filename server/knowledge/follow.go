package knowledge

import (
	"context"
	"time"

	"vitalwire/server/store"
)

// maxAge is how long what is made of stored terminology may be in use before it is
// looked whether another server of the database has changed it.
const maxAge = time.Second

// generation is a number that changes with the stored terminology. When the store
// cannot be asked it stays, since nothing else can be read there either.
func (b *Base) generation() uint64 {
	if b.Store == nil {
		return b.writes.Load()
	}
	b.following.Lock()
	defer b.following.Unlock()
	if now := time.Now(); now.Sub(b.asked) >= maxAge {
		err := b.Store.View(context.Background(), func(r store.Reader) error {
			marks, err := r.Marks()
			if err == nil {
				b.seen = uint64(marks.Terms)
			}
			return err
		})
		if err != nil {
			b.Log.Error("changes of stored terminology cannot be seen", "error", err)
		}
		b.asked = now
	}
	return b.writes.Load() + b.seen
}
