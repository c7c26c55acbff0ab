package report

// A Section is one part of the instructions that go with a result.
type Section struct {
	ID      string `json:"id"` // the same in every language and version, for programs
	Title   string `json:"title"`
	Ordered bool   `json:"ordered,omitempty"` // the items are steps, to be followed in their order
	Items   []Item `json:"items"`
}

// An Item is one instruction or remark.
type Item struct {
	Text string `json:"text"`
	Copy string `json:"copy,omitempty"` // what is to be entered, exactly and on one line
}
