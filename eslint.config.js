// What the modules of the canvas are held to; explainer/components/__init__.py joins them to what a browser gets.
import js from "@eslint/js";
import globals from "globals";

export default [
  { ignores: ["**/node_modules/", "**/.venv/", "**/venv/", "site/"] },
  js.configs.recommended,
  {
    files: ["**/*.js"],
    languageOptions: { ecmaVersion: 2024, sourceType: "module", globals: globals.browser },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      eqeqeq: ["error", "always", { null: "ignore" }], // == null is what is null or undefined
      "max-len": ["error", { code: 120 }],
      "no-implicit-globals": "error",
      "no-shadow": ["error", { builtinGlobals: false, hoist: "functions" }],
      "no-unused-vars": ["error", { args: "after-used", argsIgnorePattern: "^_" }],
      "no-useless-assignment": "error",
      "no-useless-rename": "error",
      "no-var": "error",
      "no-restricted-globals": ["error", "event", "name", "status", "parent", "top", "self", "length", "close", "stop"],
      "no-self-compare": "error",
      "no-throw-literal": "error",
      "object-shorthand": "error",
      "prefer-arrow-callback": "error",
      "prefer-const": ["error", { destructuring: "all" }],
    },
  },
];
