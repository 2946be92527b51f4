import js from "@eslint/js";
import globals from "globals";

export default [
  { ignores: ["telehealth/web/static/vendor/**", "build/**", ".venv/**", "node_modules/**"] },
  js.configs.recommended,
  {
    files: ["telehealth/web/static/**/*.js"],
    languageOptions: { globals: { ...globals.browser, ...globals.serviceworker } },
  },
  {
    files: ["telehealth/web/vendoring/**/*.mjs", "tests/unit/web/**/*.js"],
    languageOptions: { globals: { ...globals.nodeBuiltin } },
  },
  {
    rules: {
      eqeqeq: "error",
      "no-console": "error",
      "no-eval": "error",
      "no-implied-eval": "error",
      "no-var": "error",
      "prefer-const": "error",
      "max-lines": ["error", 400],
      // The markup of another person's words is never ours to interpret.
      "no-restricted-properties": [
        "error",
        { property: "innerHTML", message: "Use textContent or a Lit template." },
        { property: "outerHTML", message: "Use textContent or a Lit template." },
        { property: "insertAdjacentHTML", message: "Use textContent or a Lit template." },
      ],
    },
  },
];
