package main

import (
	"fmt"
	"os"
)

func main() {
	root := "."
	if len(os.Args) > 1 {
		root = os.Args[1]
	}
	r, err := inspect(root)
	if err != nil {
		fmt.Fprintln(os.Stderr, "shape:", err)
		os.Exit(1)
	}
	for _, line := range r.warnings {
		fmt.Println("note:", line)
	}
	for _, line := range r.findings {
		fmt.Println(line)
	}
	if len(r.findings) > 0 {
		os.Exit(1)
	}
}
