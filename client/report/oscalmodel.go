package report

// The parts of the OSCAL assessment-results model that a report fills. OSCAL
// refuses empty lists and texts, hence the omitzero.

type oscalDocument struct {
	UUID     string        `json:"uuid"`
	Metadata oscalMetadata `json:"metadata"`
	ImportAP oscalImport   `json:"import-ap"`
	Local    struct {
		Objectives []oscalObjective `json:"objectives-and-methods"`
	} `json:"local-definitions"`
	Results []oscalResult `json:"results"`
	Back    struct {
		Resources []oscalResource `json:"resources,omitzero"`
	} `json:"back-matter"`
}

type oscalMetadata struct {
	Title        string `json:"title"`
	LastModified string `json:"last-modified"`
	Version      string `json:"version"`
	OSCALVersion string `json:"oscal-version"`
	Remarks      string `json:"remarks"`
}

type oscalImport struct {
	Href    string `json:"href"`
	Remarks string `json:"remarks"`
}

type oscalObjective struct {
	ControlID   string      `json:"control-id"`
	Description string      `json:"description"`
	Parts       []oscalPart `json:"parts"`
	Remarks     string      `json:"remarks"`
}

type oscalPart struct {
	ID    string      `json:"id"`
	Name  string      `json:"name"`
	Title string      `json:"title"`
	Prose string      `json:"prose"`
	Parts []oscalPart `json:"parts,omitzero"`
}

type oscalResult struct {
	UUID        string      `json:"uuid"`
	Title       string      `json:"title"`
	Description string      `json:"description"`
	Start       string      `json:"start"`
	End         string      `json:"end"`
	Props       []oscalProp `json:"props"`
	Local       struct {
		Assets struct {
			Platforms []oscalPlatform `json:"assessment-platforms"`
		} `json:"assessment-assets"`
	} `json:"local-definitions"`
	Reviewed struct {
		Selections []oscalSelection `json:"control-selections"`
	} `json:"reviewed-controls"`
	Observations []oscalObservation `json:"observations"`
	Findings     []oscalFinding     `json:"findings"`
	Remarks      string             `json:"remarks"`
}

type oscalPlatform struct {
	UUID  string `json:"uuid"`
	Title string `json:"title"`
}

type oscalSelection struct {
	Description string           `json:"description"`
	Include     []oscalControlID `json:"include-controls"`
}

type oscalControlID struct {
	ID string `json:"control-id"`
}

type oscalObservation struct {
	UUID        string          `json:"uuid"`
	Title       string          `json:"title"`
	Description string          `json:"description"`
	Props       []oscalProp     `json:"props"`
	Methods     []string        `json:"methods"`
	Types       []string        `json:"types"`
	Origins     []oscalOrigin   `json:"origins"`
	Evidence    []oscalEvidence `json:"relevant-evidence"`
	Collected   string          `json:"collected"`
}

type oscalOrigin struct {
	Actors []oscalActor `json:"actors"`
}

type oscalActor struct {
	Type string `json:"type"`
	UUID string `json:"actor-uuid"`
}

type oscalEvidence struct {
	Description string      `json:"description"`
	Props       []oscalProp `json:"props,omitzero"`
}

type oscalFinding struct {
	UUID        string         `json:"uuid"`
	Title       string         `json:"title"`
	Description string         `json:"description"`
	Props       []oscalProp    `json:"props"`
	Target      oscalTarget    `json:"target"`
	Related     []oscalRelated `json:"related-observations"`
}

type oscalTarget struct {
	Type   string      `json:"type"`
	ID     string      `json:"target-id"`
	Status oscalStatus `json:"status"`
}

type oscalStatus struct {
	State   string `json:"state"`
	Remarks string `json:"remarks"`
}

type oscalRelated struct {
	UUID string `json:"observation-uuid"`
}

type oscalProp struct {
	Name      string `json:"name"`
	Namespace string `json:"ns"`
	Value     string `json:"value"`
}

type oscalResource struct {
	UUID        string      `json:"uuid"`
	Title       string      `json:"title"`
	Description string      `json:"description"`
	Base64      oscalBase64 `json:"base64"`
}

type oscalBase64 struct {
	Filename  string `json:"filename"`
	MediaType string `json:"media-type"`
	Value     string `json:"value"`
}
