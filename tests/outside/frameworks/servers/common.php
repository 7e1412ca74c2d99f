<?php
// What the PHP services have in common: the JSON that says what one of them read.

declare(strict_types=1);

const OURS = ['key-id', 'store', 'stores', 'scope', 'revision'];

/** Returns every scalar within a value, as text. */
function leaves(mixed $value): array
{
    if (is_array($value) || is_object($value)) {
        return array_merge([], ...array_map('leaves', array_values((array) $value)));
    }
    return $value === null ? [] : [(string) $value];
}

/** What a service read. */
final class Reading
{
    private array $read = [
        'routes' => [], 'stores' => [], 'keys' => [], 'fixed' => [], 'hosts' => [], 'ours' => [], 'verb' => '', 'path' => '',
    ];

    /** Adds all parameters that matter, as this array of parameters holds them. */
    public function parameters(string $from, mixed $all): void
    {
        if (!is_array($all)) {
            return;
        }
        $this->values('stores', $from, $all['site'] ?? null);
        $this->values('stores', "$from filter", is_array($all['filter'] ?? null) ? $all['filter']['sites'] ?? null : null);
        $order = $all['order'] ?? null;
        $order = is_string($order) ? json_decode($order, true) : $order;
        $this->values('stores', "$from order", is_array($order) ? $order['site'] ?? null : null);
        $this->values('keys', $from, $all['apiKey'] ?? null);
        $this->values('fixed', $from, $all['siteBy'] ?? null);
    }

    public function values(string $kind, string $from, mixed $value): void
    {
        foreach (leaves($value) as $leaf) {
            $this->read[$kind][] = [$from, $leaf];
        }
    }

    /** Adds the headers that matter; `$header` returns the value of one by its name. */
    public function headers(string $from, callable $header): void
    {
        $this->values('stores', $from, $header('X-Store'));
        $this->values('keys', $from, $header('X-Api-Key'));
        foreach (leaves($header('Authorization')) as $bearer) {
            if (stripos($bearer, 'bearer ') === 0) {
                $this->values('keys', 'bearer', substr($bearer, 7));
            }
        }
        foreach (OURS as $name) {
            foreach (leaves($header("X-Latchkey-$name")) as $value) {
                $this->read['ours'][] = [$name, $value];
            }
        }
    }

    public function ran(string $verb, string $path, ?string $route): void
    {
        $this->read['verb'] = $verb;
        $this->read['path'] = $path;
        if ($route !== null) {
            $this->read['routes'][] = $route;
        }
    }

    public function host(?string $host): void
    {
        $this->read['hosts'][] = (string) $host;
    }

    public function send(): void
    {
        header('Content-Type: application/json');
        $flags = JSON_INVALID_UTF8_SUBSTITUTE | JSON_PARTIAL_OUTPUT_ON_ERROR;
        $text = json_encode($this->read, $flags);
        header('Content-Length: ' . strlen($text));
        echo $text;
    }
}
