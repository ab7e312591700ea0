package model

// Pin is the result of pin, for its text and for JSON.
type Pin struct {
	Schema string `json:"schema"`
	New    string `json:"new"`
	Old    string `json:"old"` // "" for the first release of a series
	// Outcome is "pinned" (on the older base), "some lost" (the same, but not
	// all that modules use), "started" (a series begins) or "no room".
	Outcome string `json:"outcome"`
	// NoRoom says what the older base lacks, "" otherwise.
	NoRoom   string `json:"no_room,omitempty"`
	Sorted   bool   `json:"sorted"`
	Types    uint32 `json:"types"`
	Strings  uint32 `json:"string_bytes"`
	Kept     int    `json:"kept"`
	Changed  int    `json:"kept_changed"`
	Fresh    int    `json:"new_types"`
	Vanished int    `json:"vanished"`
	Moved    int    `json:"moved"`
	// What this release took of the older one's slack, and what is left.
	FilledTypes   int `json:"filled_types"`
	FilledStrings int `json:"filled_string_bytes"`
	SlackTypes    int `json:"slack_types"`
	SlackNamed    int `json:"slack_named_types"`
	SlackStrings  int `json:"slack_string_bytes"`
	// References reports whether it is known what modules use of the older base.
	References bool        `json:"references"`
	Lost       []PinLost   `json:"lost"`
	Touched    []PinModule `json:"touched"`
	ExitCode   int         `json:"exit_code"`
}

// PinLost is one id of the older base that does not mean any longer what it did.
type PinLost struct {
	ID      uint32 `json:"id"`
	To      uint32 `json:"to,omitempty"` // 0: gone
	Label   string `json:"label"`
	Modules int    `json:"modules"` // that are known to use it
}

// PinModule is one module that uses what was not held.
type PinModule struct {
	Module string   `json:"module"`
	IDs    []uint32 `json:"ids"`
	Names  []uint32 `json:"string_offsets"`
}

// PinSchema is the schema word of Pin.
const PinSchema = "kpkg-btf/pin/1.0"
