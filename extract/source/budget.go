package source

import (
	"fmt"
	"sync/atomic"
)

// DefaultMaxBytes is far above any real package.
const DefaultMaxBytes = 16 << 30

// A Budget is a number of bytes that all who share it may use together: of memory,
// of what is unpacked. It may be used concurrently.
type Budget struct {
	limit int64
	spent atomic.Int64
}

// NewBudget returns a budget of limit bytes, or of DefaultMaxBytes for 0.
func NewBudget(limit int64) *Budget {
	if limit == 0 {
		limit = DefaultMaxBytes
	}
	return &Budget{limit: limit}
}

// A BudgetError says that a budget is spent. It is an ErrTooLarge.
type BudgetError struct{ Limit int64 }

func (e *BudgetError) Error() string {
	return fmt.Sprintf("%v: more than %d bytes would have to be unpacked", ErrLimit, e.Limit)
}

func (e *BudgetError) Unwrap() error { return ErrTooLarge }

// Spend takes n bytes or, when fewer are left, none: the error is a *BudgetError.
func (b *Budget) Spend(n int64) error {
	if n > b.limit || b.spent.Add(n) > b.limit {
		if n <= b.limit {
			b.spent.Add(-n)
		}
		return &BudgetError{b.limit}
	}
	return nil
}

// giveBack returns bytes that are not used any more.
func (b *Budget) giveBack(n int64) { b.spent.Add(-n) }

// left returns how many bytes can still be spent.
func (b *Budget) left() int64 { return b.limit - b.spent.Load() }
