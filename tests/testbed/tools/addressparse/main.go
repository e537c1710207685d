// Addressparse shows how Go's net/url, which W&B uses, reads a storage address.
// Each line of standard input is {"address": "..."}; each line of standard output holds the parts or the error.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
)

type request struct {
	Address string `json:"address"`
}

type parts struct {
	Scheme   string              `json:"scheme"`
	Username string              `json:"username"`
	Password string              `json:"password"`
	Host     string              `json:"host"`
	Hostname string              `json:"hostname"`
	Port     string              `json:"port"`
	Path     string              `json:"path"`
	Query    map[string][]string `json:"query"`
	Fragment string              `json:"fragment"`
	Error    string              `json:"error"`
}

func parse(address string) parts {
	parsed, err := url.Parse(address)
	if err != nil {
		return parts{Error: err.Error()}
	}
	query, err := url.ParseQuery(parsed.RawQuery)
	if err != nil {
		return parts{Error: err.Error()}
	}
	password, _ := parsed.User.Password()
	return parts{
		Scheme:   parsed.Scheme,
		Username: parsed.User.Username(),
		Password: password,
		Host:     parsed.Host,
		Hostname: parsed.Hostname(),
		Port:     parsed.Port(),
		Path:     parsed.Path,
		Query:    query,
		Fragment: parsed.Fragment,
	}
}

func run() error {
	input := bufio.NewReader(os.Stdin)
	output := json.NewEncoder(os.Stdout)
	output.SetEscapeHTML(false)
	decoder := json.NewDecoder(input)
	for decoder.More() {
		var line request
		if err := decoder.Decode(&line); err != nil {
			return fmt.Errorf("a line of input is not {\"address\": ...}: %w", err)
		}
		if err := output.Encode(parse(line.Address)); err != nil {
			return err
		}
	}
	return nil
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
