// Package examples holds recorded device frames that show what Vitalwire does;
// `vitalwire demo` plays them.
package examples

import (
	"embed"
	"io/fs"
)

//go:embed frames/*.json
var files embed.FS

// Frames are the recordings, one JSON file each, to be played in order of their
// names: {"title", "adapter", "patient" (who wears the device, when it is new),
// "submit" (the body of POST /ingest/{adapter})}.
func Frames() fs.FS {
	frames, err := fs.Sub(files, "frames")
	if err != nil {
		panic(err) // the folder is embedded above
	}
	return frames
}
