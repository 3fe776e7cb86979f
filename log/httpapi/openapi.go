package httpapi

import (
	_ "embed"
	"net/http"

	"github.com/armalo/receiptlog/client/api"
)

// openAPI describes every route of this package. Tests hold it to the table of
// routes, and what a running server answers to its schemas.
//
//go:embed openapi.json
var openAPI []byte

// serveOpenAPI answers GET of the document that describes the API.
func (h *Handler) serveOpenAPI(w http.ResponseWriter, r *http.Request, _ string) error {
	serveTagged(w, r, http.StatusOK, api.MediaJSON, openAPI)
	return nil
}
