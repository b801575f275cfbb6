package auth

import "net/http"

// style is how an app may look like the pages around it (SMART 2.2, styling). Its URL
// has the hash of the text, so that another text has another URL.
const style = `{"color_background":"#ffffff","color_error":"#9b1c1c","color_highlight":"#0b4f8a","color_modal_backdrop":"","color_success":"#14532d","color_text":"#1b1b1f","dim_border_radius":"4px","dim_font_size":"17px","dim_spacing_size":"16px","font_family_body":"system-ui, sans-serif","font_family_heading":"system-ui, sans-serif"}`

var styleName = "style-" + hashed(style)[:16] + ".json"

func (a *Authority) styleURL() string { return a.endpoint(styleName) }

func (a *Authority) styling(w http.ResponseWriter, r *http.Request) {
	if a.serves(w, r, http.MethodGet, http.MethodHead) {
		a.answerBytes(w, http.StatusOK, "application/json", "public, max-age=31536000, immutable", []byte(style))
	}
}
