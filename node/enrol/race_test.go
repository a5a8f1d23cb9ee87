//go:build race

package enrol_test

const race = true
