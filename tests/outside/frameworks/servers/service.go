// A service on net/http, with gorilla's router and method override.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/gorilla/handlers"
	"github.com/gorilla/mux"
)

type reading struct {
	Routes []string    `json:"routes"`
	Stores [][2]string `json:"stores"`
	Keys   [][2]string `json:"keys"`
	Fixed  [][2]string `json:"fixed"`
	Hosts  []string    `json:"hosts"`
	Ours   [][2]string `json:"ours"`
	Verb   string      `json:"verb"`
	Path   string      `json:"path"`
}

// What encoding/json makes of a body, whatever its content type says. It ignores the case of names.
type document struct {
	Site   any    `json:"site"`
	APIKey string `json:"apiKey"`
	SiteBy string `json:"siteBy"`
	Filter struct {
		Sites any `json:"sites"`
	} `json:"filter"`
	Order struct {
		Site any `json:"site"`
	} `json:"order"`
}

func leaves(value any) []string {
	switch value := value.(type) {
	case string:
		return []string{value}
	case []any:
		var all []string
		for _, member := range value {
			all = append(all, leaves(member)...)
		}
		return all
	case map[string]any:
		var all []string
		for _, member := range value {
			all = append(all, leaves(member)...)
		}
		return all
	}
	return nil
}

func (read *reading) parameters(from string, values map[string][]string) {
	for _, name := range []string{"site", "filter[sites]", "filter[sites][]", "filter[sites][0]"} {
		for _, value := range values[name] {
			label := from
			if name != "site" {
				label += " filter"
			}
			read.Stores = append(read.Stores, [2]string{label, value})
		}
	}
	for _, value := range values["order"] {
		var order document
		if json.Unmarshal([]byte(`{"order":`+value+`}`), &order) == nil {
			for _, site := range leaves(order.Order.Site) {
				read.Stores = append(read.Stores, [2]string{from + " order", site})
			}
		}
	}
	for _, value := range values["apiKey"] {
		read.Keys = append(read.Keys, [2]string{from, value})
	}
	for _, value := range values["siteBy"] {
		read.Fixed = append(read.Fixed, [2]string{from, value})
	}
}

func (read *reading) document(body []byte) {
	var found document
	// One value is decoded; what comes after it, and an error within it, are not looked at by many.
	_ = json.NewDecoder(bytes.NewReader(body)).Decode(&found)
	for from, value := range map[string]any{"json": found.Site, "json filter": found.Filter.Sites, "json order": found.Order.Site} {
		for _, leaf := range leaves(value) {
			read.Stores = append(read.Stores, [2]string{from, leaf})
		}
	}
	if found.APIKey != "" {
		read.Keys = append(read.Keys, [2]string{"json", found.APIKey})
	}
	if found.SiteBy != "" {
		read.Fixed = append(read.Fixed, [2]string{"json", found.SiteBy})
	}
}

type bodyKey struct{}

func respond(route string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		empty := [][2]string{}
		read := reading{Routes: []string{}, Stores: empty, Keys: empty, Fixed: empty, Ours: empty, Verb: r.Method, Path: r.URL.Path, Hosts: []string{r.Host, strings.Split(r.Host, ":")[0]}}
		if route != "" {
			verb := r.Method
			if verb == "HEAD" {
				verb = "GET"
			}
			read.Routes = append(read.Routes, verb+" "+mux.Vars(r)["profile"]+" "+route)
		}
		read.parameters("query", r.URL.Query())
		_ = r.ParseMultipartForm(1 << 20)
		read.parameters("merged", r.Form)
		read.parameters("form", r.PostForm)
		if r.MultipartForm != nil {
			read.parameters("multipart", r.MultipartForm.Value)
		}
		if body, ok := r.Context().Value(bodyKey{}).([]byte); ok {
			read.document(body)
		}
		if value := r.Header.Get("X-Store"); value != "" {
			read.Stores = append(read.Stores, [2]string{"header", value})
		}
		if value := r.Header.Get("X-Api-Key"); value != "" {
			read.Keys = append(read.Keys, [2]string{"header", value})
		}
		if value := r.Header.Get("Authorization"); len(value) > 7 && strings.EqualFold(value[:7], "bearer ") {
			read.Keys = append(read.Keys, [2]string{"bearer", value[7:]})
		}
		for _, name := range []string{"key-id", "store", "stores", "scope", "revision"} {
			for _, value := range r.Header.Values("X-Latchkey-" + name) {
				read.Ours = append(read.Ours, [2]string{name, value})
			}
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(read)
	}
}

func main() {
	router := mux.NewRouter()
	orders := "/{profile:[a-z]+}/v{version:[0-9]+}/orders"
	router.HandleFunc(orders, respond("/orders")).Methods("GET", "HEAD")
	router.HandleFunc(orders+"/history", respond("/orders/history")).Methods("GET", "HEAD")
	router.HandleFunc(orders+"/create", respond("/orders/create")).Methods("POST")
	router.HandleFunc(orders+"/{id}", respond("/orders/{id}")).Methods("GET", "HEAD", "POST", "PUT", "DELETE")
	router.NotFoundHandler = respond("")
	router.MethodNotAllowedHandler = respond("")
	overridden := handlers.HTTPMethodOverrideHandler(router)
	keep := func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
		r.Body = io.NopCloser(bytes.NewReader(body))
		overridden.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), bodyKey{}, body)))
	}
	if err := http.ListenAndServe("127.0.0.1:"+os.Args[1], http.HandlerFunc(keep)); err != nil {
		panic(err)
	}
}
