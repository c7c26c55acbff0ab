package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"
)

// An amount is the value of a flag that takes a number with a unit: 500000, 10M,
// 1.5G, 16 GiB. Units are binary for bytes and files alike, as those of dd(1) are.
type amount int64

func amountFlag(name, usage string, value int64) cli.Flag {
	start := amount(value)
	return &cli.GenericFlag{Name: name, Usage: usage, Value: &start, DefaultText: start.String()}
}

// amountOf returns the value of an amount flag, 0 where the command lacks it.
func amountOf(c *cli.Context, name string) int64 {
	if a, ok := c.Generic(name).(*amount); ok {
		return int64(*a)
	}
	return 0
}

// units are the factors of 1,024 by their letter.
const units = "KMGT"

// Set implements flag.Value.
func (a *amount) Set(text string) error {
	number := strings.ToUpper(strings.TrimSpace(text))
	number = strings.TrimSuffix(strings.TrimSuffix(number, "B"), "I")
	factor := 1.0
	if n := len(number); n > 0 {
		if power := strings.IndexByte(units, number[n-1]); power >= 0 {
			factor = math.Pow(1024, float64(power+1))
			number = strings.TrimSpace(number[:n-1])
		}
	}
	value, err := strconv.ParseFloat(number, 64)
	switch {
	case err != nil || math.IsNaN(value):
		return fmt.Errorf("%q is not a number with a unit, such as 500000, 10M or 16G", text)
	case factor == 1 && value != math.Trunc(value):
		return fmt.Errorf("%q is not a whole number", text)
	case value*factor < 1 || value*factor >= math.MaxInt64:
		return fmt.Errorf("%q is not between 1 and %d", text, int64(math.MaxInt64))
	}
	*a = amount(value * factor)
	return nil
}

// String implements flag.Value: the largest unit that divides the amount.
func (a *amount) String() string {
	n, unit := int64(*a), ""
	for _, next := range units {
		if n == 0 || n%1024 != 0 {
			break
		}
		n, unit = n/1024, string(next)
	}
	return strconv.FormatInt(n, 10) + unit
}
